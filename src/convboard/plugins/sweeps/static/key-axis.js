/** The axis of a swept key or of the objective: where its values are, and what is chosen by a range of places. */

import { axisScale, ticks } from "../../shared/static/axis-scale.js";
import { columnValue, valueText } from "./filter.js";
import { objectiveRange } from "./goodness.js";
import { distinctValues } from "./key-statistics.js";
import { metricTicks } from "./metric-ticks.js";
import { configValue } from "./words.js";

const FEW = 8; // values that are all written beside the axis, as far as there is room
const ROOM = 0.04; // of an axis, beside the outermost values
const AT_END = 2; // pixels from the end of an axis that count as its end, where a filter is open
const DIGITS = 4; // of the bounds of a filter: a brush is not more exact

/**
 * @typedef {{column: string, isCategory: boolean, band: number, at: (value: any) => ?number,
 *     ticks: import("../../shared/static/plot-axes.js").Tick[], ruleOf: (from: number, to: number) => ?Object,
 *     placesOf: (rule: Object) => [number, number][]}} KeyAxis `band` is the room of a category in pixels, 0 on an axis
 *     of numbers. `ruleOf` gives the filter on what is between two places, null if that is everything;
 *     `placesOf` is the inverse. An axis of numbers also has `isOff`: whether a value is beyond its ends.
 */

/**
 * @param {string} column A swept key, or `@objective`.
 * @param {Object} table
 * @param {[number, number]} places The two ends in pixels, that of the smallest value first.
 * @param {number} [count] Number of ticks, about.
 * @returns {KeyAxis}
 */
export function keyAxis(column, table, places, count = 5) {
  if (column === "@objective") return objectiveAxis(table, places, count);
  const values = distinctValues(table.settings, column);
  if (table.scales[column] === "category" || !values.length) return categoryAxis(column, values, places);
  const isLog = table.scales[column] === "log";
  const scale = axisScale(widened([values[0], values.at(-1)], isLog), places, isLog);
  const isFew = values.length <= FEW;
  const marks = isFew ? values.map((value) => ({ value, text: configValue(value) })) : ticks(scale, count);
  return numberAxis(column, scale, marks);
}

function widened([low, high], isLog) {
  if (low === high) return [low, high];
  if (!isLog) return [low - ROOM * (high - low), high + ROOM * (high - low)];
  const room = (high / low) ** ROOM;
  return [low / room, high * room];
}

function objectiveAxis(table, places, count) {
  const range = objectiveRange(table) ?? { best: 1, worst: 0 };
  const ends = [range.best, range.worst].toSorted((a, b) => a - b);
  const scale = axisScale(widened(ends, false), places);
  return numberAxis("@objective", scale, metricTicks(table.objective, scale, count));
}

function numberAxis(column, scale, marks) {
  const ends = [scale.at(scale.low), scale.at(scale.high)];
  const [first, last] = ends.toSorted((a, b) => a - b);
  const within = (place) => Math.min(last, Math.max(first, place));
  const isEnd = (place, i) => Math.abs(place - ends[i]) < AT_END;
  return {
    column,
    isCategory: false,
    band: 0,
    at: (value) => (Number.isFinite(value) ? within(scale.at(value)) : null),
    isOff: (value) => value < scale.low || value > scale.high,
    ticks: marks.map(({ value, text }) => ({ place: scale.at(value), text })),
    ruleOf(a, b) {
      const [from, to] = [a, b].map(within).toSorted((x, y) => (ends[0] < ends[1] ? x - y : y - x));
      const low = isEnd(from, 0) ? null : outwards(scale.valueAt(from), Math.floor);
      const high = isEnd(to, 1) ? null : outwards(scale.valueAt(to), Math.ceil);
      return low === null && high === null ? null : { low, high };
    },
    placesOf: ({ low, high }) => [[within(scale.at(low ?? scale.low)), within(scale.at(high ?? scale.high))]],
  };
}

/** A bound rounded so that it leaves nothing out. */
function outwards(value, round) {
  if (value === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - DIGITS + 1);
  return Number((round(value / unit) * unit).toPrecision(DIGITS));
}

function categoryAxis(column, values, [from, to]) {
  const step = (to - from) / Math.max(1, values.length);
  const centre = (i) => from + (i + 0.5) * step;
  const texts = values.map(valueText);
  const at = (value) => {
    const i = texts.indexOf(valueText(value));
    return i < 0 ? null : centre(i);
  };
  return {
    column,
    isCategory: true,
    band: Math.abs(step),
    at,
    ticks: values.map((value, i) => ({ place: centre(i), text: configValue(value) })),
    ruleOf(a, b) {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const isIn = (i) => Math.abs(centre(i) - (low + high) / 2) <= (high - low) / 2 + Math.abs(step) / 2;
      return { values: texts.filter((_, i) => isIn(i)) };
    },
    placesOf: ({ values: chosen }) =>
      texts.flatMap((text, i) => (chosen.includes(text) ? [[centre(i) - step / 2, centre(i) + step / 2]] : [])),
  };
}

/** The place of a setting on an axis; null where it has no value there. */
export const placeOf = (setting, axis) => axis.at(columnValue(setting, axis.column));

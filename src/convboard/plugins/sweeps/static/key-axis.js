/** The axis of a swept key or of the objective: where its values are, and what is chosen by a range of places. */

import { axisScale, ticks } from "../../shared/static/axis-scale.js";
import { columnValue, fits, valueText } from "./filter.js";
import { objectiveRange } from "./goodness.js";
import { distinctValues } from "./key-statistics.js";
import { metricTicks } from "./metric-ticks.js";
import { configValue, rangeEnd } from "./words.js";

const FEW = 8; // values that are all written beside the axis, as far as there is room
const ROOM = 0.04; // of an axis, beside the outermost values
const AT_END = 2; // pixels from the end of an axis that count as its end, where a filter is open
const NEAR = 1; // pixel by which a bound may be further out if it is then a rounder number
const DIGITS = 6; // of a bound, at most
const STOPS = 24; // at which a bound can be set by keys, where there are more values

/**
 * @typedef {Object} KeyAxis
 * @property {string} column
 * @property {boolean} isCategory
 * @property {number} band The room of a category in pixels, 0 on an axis of numbers.
 * @property {(value: any) => ?number} at The place of a value.
 * @property {(value: number) => boolean} [isOff] Whether a number is beyond the ends of its axis.
 * @property {import("../../shared/static/plot-axes.js").Tick[]} ticks
 * @property {(from: number, to: number) => ?Object} ruleOf The filter on what is between two places, null if that is
 *     everything; `placesOf` is the inverse.
 * @property {(rule: Object) => [number, number][]} placesOf
 * @property {number[]} stops Where a bound can be set by keys, in ascending order: numbers, or indices of categories.
 * @property {(low: number, high: number) => ?Object} ruleWithin The filter between two stops, both included; `boundsOf`
 *     is the inverse.
 * @property {(rule: ?Object) => [number, number]} boundsOf
 * @property {(bound: number) => string} boundText
 * @property {(bound: number, end: 0|1) => number} boundPlace Of the lower bound, or of the upper one.
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
  const stops = values.length <= STOPS ? values : evenStops(scale);
  return numberAxis(scale, { column, marks, stops, boundText: configValue });
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
  const marks = metricTicks(table.objective, scale, count);
  const boundText = (number) => rangeEnd("@objective", table, number);
  return numberAxis(scale, { column: "@objective", marks, stops: evenStops(scale), boundText });
}

/** Round numbers at about equal distances, from one end of a scale to the other. */
function evenStops(scale) {
  const [from, to] = [scale.at(scale.low), scale.at(scale.high)];
  const step = (to - from) / STOPS;
  const round = (value, next) => {
    const unit = 10 ** Math.floor(Math.log10(Math.abs(next - value)));
    return Number((Math.round(value / unit) * unit).toPrecision(12));
  };
  const inner = Array.from({ length: STOPS - 1 }, (_, i) => {
    const [value, next] = [i + 1, i + 2].map((at) => scale.valueAt(from + step * at));
    return round(value, next);
  });
  return [scale.low, ...new Set(inner), scale.high];
}

function numberAxis(scale, { column, marks, stops, boundText }) {
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
      const low = isEnd(from, 0) ? null : outwards(scale.valueAt(from), Math.floor, scale);
      const high = isEnd(to, 1) ? null : outwards(scale.valueAt(to), Math.ceil, scale);
      return low === null && high === null ? null : { low, high };
    },
    placesOf({ low, high, values }) {
      if (!values) return [[within(scale.at(low ?? scale.low)), within(scale.at(high ?? scale.high))]];
      const places = values.map(Number).filter(Number.isFinite).map(scale.at).map(within);
      return places.map((place) => [place - AT_END, place + AT_END]);
    },
    stops,
    boundText,
    boundPlace: (bound) => within(scale.at(bound)),
    boundsOf(rule) {
      const numbers = rule?.values?.map(Number).filter(Number.isFinite) ?? [];
      if (numbers.length) return [Math.min(...numbers), Math.max(...numbers)];
      return [rule?.low ?? stops[0], rule?.high ?? stops.at(-1)];
    },
    ruleWithin(low, high) {
      const rule = { low: low <= stops[0] ? null : low, high: high >= stops.at(-1) ? null : high };
      return rule.low === null && rule.high === null ? null : rule;
    },
  };
}

/** A bound so that it leaves nothing out: a number of few digits that is hardly further out on the axis. */
function outwards(value, round, { at }) {
  if (value === 0) return 0;
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  for (let digits = 1; digits < DIGITS; digits++) {
    const unit = 10 ** (magnitude - digits + 1);
    const rounded = Number((round(value / unit) * unit).toPrecision(digits + 1));
    if (rounded !== 0 && Math.abs(at(rounded) - at(value)) < NEAR) return rounded;
  }
  return value;
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
    placesOf: (rule) =>
      values.flatMap((value, i) => (fits(value, rule) ? [[centre(i) - step / 2, centre(i) + step / 2]] : [])),
    stops: values.map((_, i) => i),
    boundText: (i) => configValue(values[i]),
    boundPlace: (i, end) => from + (i + end) * step,
    boundsOf(rule) {
      const chosen = values.flatMap((value, i) => (!rule || fits(value, rule) ? [i] : []));
      return chosen.length ? [chosen[0], chosen.at(-1)] : [0, values.length - 1];
    },
    ruleWithin: (low, high) =>
      low === 0 && high === values.length - 1 ? null : { values: texts.slice(low, high + 1) },
  };
}

/** The place of a setting on an axis; null where it has no value there. */
export const placeOf = (setting, axis) => axis.at(columnValue(setting, axis.column));

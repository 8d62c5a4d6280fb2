/** The ranges and the scales of a plot of curves. */

import { axisScale } from "../../shared/static/axis-scale.js";
import { isAccuracy } from "./words.js";

const MARGIN = { left: 58, right: 14, top: 10, bottom: 28 };
const SAMPLE = 10_000; // values of which quantiles are taken
const OUTLYING = 3; // spans of the middle 96 % of the values beyond which a value does not widen the plot

/**
 * @typedef {{id: string, colour: string, curve: import("./curve-statistics.js").MeanCurve,
 *     raw: ?import("./curve-statistics.js").MeanCurve}} Series `raw` is the curve before smoothing.
 * @typedef {{x: [number, number], y: [number, number], isCut: boolean}} View The ranges that are shown.
 */

/**
 * The ranges that show all curves. A curve that diverges does not squeeze the others: values that are far outside of
 * what most have are cut off. So is what a band has beyond 100 % of an accuracy.
 * @param {Series[]} series
 * @param {{tag: string, logX: boolean, logY: boolean}} options
 * @returns {?View} Null where there is nothing to show.
 */
export function fullView(series, { tag, logX, logY }) {
  const xs = [];
  const ys = [];
  const take = (list, value, isLog) => Number.isFinite(value) && (!isLog || value > 0) && list.push(value);
  for (const { curve } of series)
    curve.mean.forEach((mean, i) => {
      if (!Number.isFinite(mean) || (logX && curve.x[i] <= 0)) return;
      xs.push(curve.x[i]);
      for (const value of [mean, curve.low[i], curve.high[i]]) take(ys, value, logY);
    });
  if (!xs.length || !ys.length) return null;
  const { range, isCut } = withoutOutliers(ys, logY);
  const y = isAccuracy(tag) ? range.map((end) => Math.min(1, Math.max(0, end))) : range;
  return { x: extent(xs), y, isCut };
}

/** The smallest and the largest of many numbers. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** The range of values, a little widened. */
function withoutOutliers(values, isLog) {
  const transform = isLog ? Math.log10 : (value) => value;
  const [low, high] = extent(values).map(transform);
  const every = Math.ceil(values.length / SAMPLE);
  const sample = Float64Array.from(
    values.filter((_, i) => i % every === 0),
    transform,
  ).toSorted();
  const [bottom, top] = [0.02, 0.98].map((share) => sample[Math.round(share * (sample.length - 1))]);
  const reach = OUTLYING * (top - bottom);
  const [from, to] = reach > 0 ? [Math.max(low, bottom - reach), Math.min(high, top + reach)] : [low, high];
  const room = 0.04 * (to - from);
  const back = (value) => (isLog ? 10 ** value : value);
  return { range: [back(from - room), back(to + room)], isCut: from > low || to < high };
}

/** The plot's edges in a canvas. */
export const plotArea = (width, height) => ({
  left: MARGIN.left,
  right: Math.max(MARGIN.left + 1, width - MARGIN.right),
  top: MARGIN.top,
  bottom: Math.max(MARGIN.top + 1, height - MARGIN.bottom),
});

/** The scales of a view in an area. */
export function scalesOf(view, area, { logX, logY }) {
  return {
    x: axisScale(view.x, [area.left, area.right], logX && view.x[0] > 0),
    y: axisScale(view.y, [area.bottom, area.top], logY && view.y[0] > 0),
  };
}

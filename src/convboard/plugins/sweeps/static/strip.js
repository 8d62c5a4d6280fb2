/** The objective of a setting as a bar to its mean, a line for its spread, and a dot for each run. */

import { el } from "../../shared/static/dom.js";

const GOOD = 0.75; // share of the values, the best ones, that determine the scale
const REACH = 3; // how far the scale goes beyond them, in their range

/**
 * The range of all strips: that of all values, but for those far worse than most, such as of runs that diverged.
 * @param {number[]} values
 * @param {boolean} isMaximised Whether a larger value is better.
 * @param {[number, number]} limits What a value can be.
 * @returns {?{low: number, high: number}}
 */
export function scaleOf(values, isMaximised, [least, most] = [-Infinity, Infinity]) {
  if (!values.length) return null;
  const bestFirst = values.toSorted((a, b) => (isMaximised ? b - a : a - b));
  const best = bestFirst[0];
  const good = bestFirst[Math.min(bestFirst.length - 1, Math.floor(GOOD * bestFirst.length))];
  const worst = bestFirst.at(-1);
  const reach = best + REACH * (good - best);
  const end = isMaximised ? Math.max(worst, reach) : Math.min(worst, reach);
  const margin = 0.04 * Math.abs(best - end) || Math.abs(best) * 0.01 || 1;
  return { low: Math.max(least, Math.min(best, end) - margin), high: Math.min(most, Math.max(best, end) + margin) };
}

/** Where a value is on the strip, in percent. */
const place = ({ low, high }, value) => Math.min(100, Math.max(0, (100 * (value - low)) / (high - low)));

/**
 * @param {{mean: ?number, deviation: ?number}} figures
 * @param {number[]} values Of the runs.
 * @param {?{low: number, high: number}} scale
 */
export function strip({ mean, deviation }, values, scale) {
  if (mean === null || !scale) return el("div", { class: "strip" });
  const at = (value) => `${place(scale, value).toFixed(2)}%`;
  const isWithin = (value) => value >= scale.low && value <= scale.high;
  const [left, right] = [mean - (deviation ?? 0), mean + (deviation ?? 0)].map((value) => place(scale, value));
  const spread = { left: `${left.toFixed(2)}%`, width: `${(right - left).toFixed(2)}%` };
  const edge = mean < scale.low ? "◂" : "▸";
  return el(
    "div",
    { class: "strip", "aria-hidden": "true" },
    el("span", { class: "bar", style: { width: at(mean) } }),
    deviation === null ? null : el("span", { class: "spread", style: spread }),
    values.filter(isWithin).map((value) => el("span", { class: "run-dot", style: { left: at(value) } })),
    isWithin(mean)
      ? el("span", { class: "mean", style: { left: at(mean) } })
      : el("span", { class: "beyond", style: { left: at(mean) }, title: "The mean is beyond the range" }, edge),
  );
}

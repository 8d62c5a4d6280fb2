/** Round numbers on the scale of a metric, and values in few digits. */

import { ticks } from "../../shared/static/axis-scale.js";
import { minus } from "../../shared/static/format.js";
import { isAccuracy } from "./words.js";

/**
 * Round numbers on the scale of a metric, those of an accuracy in percent.
 * @param {string} tag
 * @param {import("../../shared/static/axis-scale.js").Scale} scale
 * @param {number} count About how many.
 */
export function metricTicks(tag, scale, count) {
  if (!isAccuracy(tag)) return ticks(scale, count);
  const percent = { ...scale, low: 100 * scale.low, high: 100 * scale.high };
  return ticks(percent, count).map(({ value, text }) => ({ value: value / 100, text: `${text} %` }));
}

/** A value of a metric in two or three digits. */
export const briefly = (tag, value) => (isAccuracy(tag) ? `${Math.round(100 * value)} %` : twoDigits(value));

/** A number in two digits. */
export const twoDigits = (value) => minus(String(Number(value.toPrecision(2))));

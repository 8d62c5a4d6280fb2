/** Numbers as places along an axis, in pixels, and the round numbers that are written beside it. */

import { minus } from "./format.js";

const LOG_STEPS = [[1], [1, 3], [1, 2, 5]];
const FACTOR_BELOW = { 10: Math.SQRT1_2, 5: Math.sqrt(0.4), 2: Math.SQRT1_2 }; // to the middle of it and the one before
const TINY = 1e-9; // of a step: what rounding may cost

/**
 * @typedef {{low: number, high: number, isLog: boolean, at: (value: number) => number,
 *     valueAt: (place: number) => number}} Scale `at` gives the place of a value, `valueAt` the inverse.
 */

/**
 * @param {[number, number]} range The values at the two ends. Equal ones are moved apart.
 * @param {[number, number]} places The places of the two ends, in pixels.
 * @param {boolean} [isLog] Whether equal ratios have equal distances; the range must then be above 0.
 * @returns {Scale}
 */
export function axisScale([low, high], [from, to], isLog = false) {
  if (!(high > low)) [low, high] = isLog ? [low / 2, high * 2] : [low - apart(low), high + apart(low)];
  const transform = isLog ? Math.log10 : (value) => value;
  const start = transform(low);
  const span = transform(high) - start;
  return {
    low,
    high,
    isLog,
    at: (value) => from + ((to - from) * (transform(value) - start)) / span,
    valueAt: (place) => {
      const value = start + (span * (place - from)) / (to - from);
      return isLog ? 10 ** value : value;
    },
  };
}

const apart = (value) => Math.abs(value) / 10 || 0.5;

/**
 * Round numbers on a scale, about as many as wanted.
 * @param {Scale} scale
 * @param {number} count
 * @returns {{value: number, text: string}[]}
 */
export function ticks({ low, high, isLog }, count) {
  if (!isLog || high / low < 5) return linearTicks(low, high, count);
  const [first, last] = [Math.floor(Math.log10(low) + TINY), Math.floor(Math.log10(high) + TINY)];
  const decades = last - first + 1;
  const within = (value) => value >= low * (1 - TINY) && value <= high * (1 + TINY);
  const choices = LOG_STEPS.map((factors) =>
    Array.from({ length: decades }, (_, i) => factors.map((factor) => Number(`${factor}e${first + i}`)))
      .flat()
      .filter(within),
  );
  const fitting = choices.findLast((values) => values.length <= count) ?? choices[0];
  const every = Math.max(1, Math.ceil(fitting.length / count));
  return fitting.filter((_, i) => i % every === 0).map((value) => ({ value, text: axisText(value) }));
}

/** Whole numbers on a linear scale, at most about as many as wanted; none if there is no whole number on it. */
export function wholeTicks({ low, high }, count) {
  const rough = Math.max(1, (high - low) / Math.max(1, count));
  const power = 10 ** Math.floor(Math.log10(rough) + TINY);
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * (1 - TINY));
  return multiples(low, high, step);
}

/** 1, 2, 5 or 10, whichever has the nearest ratio. */
const nearestFactor = (size) => [10, 5, 2].find((factor) => size >= factor * FACTOR_BELOW[factor]) ?? 1;

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const exponent = Math.floor(Math.log10(rough));
  const factor = nearestFactor(rough / 10 ** exponent);
  const step = Number(`${factor}e${exponent}`);
  return multiples(low, high, step);
}

function multiples(low, high, step) {
  const [first, last] = [Math.ceil(low / step - TINY), Math.floor(high / step + TINY)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const value = Number(((first + i) * step).toPrecision(12));
    return { value, text: axisText(value, step) };
  });
}

/**
 * A number beside an axis, as short as can be: 0.001, 12, 25k, 1e−5.
 * @param {number} value
 * @param {number} [step] The distance to the next one, which says how many places matter.
 */
export function axisText(value, step = 0) {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  if ((magnitude < 1e-4 && step < 1e-4) || magnitude >= 1e7) return minus(scientific(value));
  if (magnitude >= 1e4) return minus(`${Number((value / 1000).toPrecision(8))}k`);
  const places = step ? Math.max(0, -Math.floor(Math.log10(step) + TINY)) : 0;
  return minus(step ? value.toFixed(Math.min(12, places)) : String(Number(value.toPrecision(6))));
}

const scientific = (value) => String(Number(value.toPrecision(3)).toExponential()).replace("e+", "e");

/** Seconds as "45 s", "12 min", "3.5 h". */
export function duration(seconds) {
  const magnitude = Math.abs(seconds);
  const [size, unit] = magnitude < 120 ? [1, "s"] : magnitude < 7200 ? [60, "min"] : [3600, "h"];
  return minus(`${Number((seconds / size).toPrecision(3))} ${unit}`);
}

/** The same steps for a scale of seconds: in whole seconds, minutes or hours. */
export function timeTicks({ low, high }, count) {
  const [size, unit] = high < 120 ? [1, "s"] : high < 7200 ? [60, "min"] : [3600, "h"];
  return linearTicks(low / size, high / size, count).map(({ value, text }) => ({
    value: value * size,
    text: `${text} ${unit}`,
  }));
}

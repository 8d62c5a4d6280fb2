/** The curves of the runs of a setting, as one: their mean and a band around it. */

import { tQuantile } from "./student.js";

/** The bands that can be chosen: half the width below and above the mean, of `n` values with a standard deviation. */
const HALF_WIDTHS = {
  deviation: (deviation) => deviation,
  interval: (deviation, n) => (tQuantile(n - 1) * deviation) / Math.sqrt(n),
};

/**
 * @typedef {{steps: number[], values: number[], times: number[], steps_per_epoch: ?number}} RunCurve Points of a tag of
 *     a run, as the server gives them.
 * @typedef {{x: number[], mean: number[], low: number[], high: number[], count: number[], most: number}} MeanCurve
 *     `low` and `high` are not a number where there is no band; `count` is the number of runs at each point, and `most`
 *     the largest.
 */

/**
 * Exponential moving average that begins at the first value, as TensorBoard's scalar charts have it.
 * @param {number[]} values What is not finite stays as it is and is passed over.
 * @param {number} weight Of what came before, from 0 to below 1.
 */
export function smoothed(values, weight) {
  if (!weight) return values;
  let [sum, total] = [0, 0];
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

/**
 * Where the points of a run are on the x axis.
 * @param {RunCurve} run
 * @param {"step"|"epoch"|"time"} axis Time in seconds.
 * @param {?number} started When the run was started, in seconds since 1970; null: at its first point.
 * @returns {?number[]} Null where it is not known how many steps an epoch has.
 */
export function positions(run, axis, started = null) {
  if (axis === "step") return run.steps;
  if (axis === "epoch") return run.steps_per_epoch ? run.steps.map((step) => step / run.steps_per_epoch) : null;
  const start = started !== null && started <= run.times[0] ? started : run.times[0];
  return run.times.map((time) => time - start);
}

/**
 * The mean of some runs at every step of any of them. Between two points a run is a straight line; before its first
 * point and after its last it does not count.
 * @param {{steps: number[], x: number[], values: number[]}[]} runs `steps` rise.
 * @param {"deviation"|"interval"|"range"|"none"} band
 * @returns {MeanCurve}
 */
export function meanCurve(runs, band) {
  const steps = allSteps(runs);
  const cursors = runs.map(() => 0);
  const curve = { x: [], mean: [], low: [], high: [], count: [], most: 0 };
  for (const step of steps) {
    const found = [];
    let [x, there] = [0, 0];
    runs.forEach((run, i) => {
      cursors[i] = advance(run.steps, cursors[i], step);
      const place = placeAt(run.steps, cursors[i], step);
      if (place === null) return;
      x += between(run.x, cursors[i], place);
      there += 1;
      const value = between(run.values, cursors[i], place);
      if (Number.isFinite(value)) found.push(value);
    });
    push(curve, x / there, found, band);
  }
  return curve;
}

/** The steps of all runs, ascending. Runs of one setting mostly have the same ones, as far as they have come. */
function allSteps(runs) {
  const longest = runs.reduce((best, { steps }) => (steps.length > best.length ? steps : best), []);
  const isPart = runs.every(({ steps }) => steps.every((step, i) => step === longest[i]));
  return isPart ? longest : [...new Set(runs.flatMap(({ steps }) => steps))].toSorted((a, b) => a - b);
}

/** The index of the last point at or before a step, or 0. */
function advance(steps, from, step) {
  let i = from;
  while (i + 1 < steps.length && steps[i + 1] <= step) i += 1;
  return i;
}

/** How far a step is from point `i` to the next, from 0 to 1; null outside the run. */
function placeAt(steps, i, step) {
  if (steps[i] === step) return 0;
  if (steps[i] > step || i + 1 >= steps.length) return null;
  return (step - steps[i]) / (steps[i + 1] - steps[i]);
}

const between = (values, i, place) => (place ? values[i] + place * (values[i + 1] - values[i]) : values[i]);

function push(curve, x, values, band) {
  const n = values.length;
  const mean = n ? values.reduce((sum, value) => sum + value, 0) / n : NaN;
  const [low, high] = n > 1 ? bandOf(values, mean, band) : [NaN, NaN];
  curve.x.push(x);
  curve.mean.push(mean);
  curve.low.push(low);
  curve.high.push(high);
  curve.count.push(n);
  curve.most = Math.max(curve.most, n);
}

function bandOf(values, mean, band) {
  if (band === "range") return [Math.min(...values), Math.max(...values)];
  if (band === "none") return [NaN, NaN];
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = HALF_WIDTHS[band](Math.sqrt(squares / (values.length - 1)), values.length);
  return [mean - half, mean + half];
}

/**
 * Points in the order of their steps, each step once: a run that was begun again has written some twice, and the later
 * one counts.
 * @param {RunCurve} run
 * @returns {RunCurve}
 */
export function ordered(run) {
  if (run.steps.every((step, i) => i === 0 || step > run.steps[i - 1])) return run;
  const latest = new Map(run.steps.map((step, i) => [step, i]));
  const kept = [...latest.keys()].toSorted((a, b) => a - b).map((step) => latest.get(step));
  const pick = (values) => kept.map((i) => values[i]);
  return { ...run, steps: pick(run.steps), values: pick(run.values), times: pick(run.times) };
}

/** The index of the point nearest to a place on the x axis; -1 outside the curve by more than `reach`. */
export function nearestPoint(curve, x, reach) {
  let [best, distance] = [-1, Infinity];
  for (let i = 0; i < curve.x.length; i++) {
    const away = Math.abs(curve.x[i] - x);
    if (away < distance) [best, distance] = [i, away];
  }
  const isWithin = x >= curve.x[0] - reach && x <= curve.x.at(-1) + reach;
  return isWithin ? best : -1;
}

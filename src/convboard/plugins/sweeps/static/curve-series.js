/** What the view Curves draws: a series for each chosen setting. */

import { meanCurve, ordered, positions, smoothed } from "./curve-statistics.js";

const RAW = 12; // settings: of more, the curves before smoothing would cover each other

/**
 * @typedef {{id: string, setting: Object, colour: string, curve: import("./curve-statistics.js").MeanCurve,
 *     raw: ?import("./curve-statistics.js").MeanCurve, missing: number}} Series `missing` is the number of runs that
 *     have points but no place on this axis.
 */

/**
 * @param {{setting: Object, index: number}[]} chosen
 * @param {Map<string, import("./curve-statistics.js").RunCurve>} curves By run.
 * @param {Map<string, string>} colours By setting.
 * @param {{axis: string, smoothing: number, band: string}} options
 * @returns {Series[]} A setting without points is missing.
 */
export function seriesOf(chosen, curves, colours, options) {
  const found = [];
  for (const { setting } of chosen) {
    const known = setting.runs.filter(({ run }) => curves.get(run)?.steps.length);
    if (!known.length) continue;
    const placed = known.map((run) => placedRun(curves.get(run.run), options.axis, run));
    const runs = placed.filter(({ x }) => x !== null);
    const smooth = runs.map((run) => ({ ...run, values: smoothed(run.values, options.smoothing) }));
    found.push({
      id: setting.id,
      setting,
      colour: colours.get(setting.id),
      curve: meanCurve(smooth, options.band),
      raw: options.smoothing && chosen.length <= RAW ? meanCurve(runs, "none") : null,
      missing: placed.length - runs.length,
    });
  }
  return found;
}

function placedRun(curve, axis, run) {
  const points = ordered({ ...curve, steps_per_epoch: curve.steps_per_epoch ?? stepsPerEpoch(curve, run) });
  return { steps: points.steps, values: points.values, x: positions(points, axis, run.started) };
}

/** Of a run that does not say so, by its last step and its number of epochs; null where they do not fit. */
function stepsPerEpoch({ steps }, { epochs, state }) {
  const steady = steps.at(-1) / epochs;
  return state === "finished" && Number.isInteger(steady) ? steady : null;
}

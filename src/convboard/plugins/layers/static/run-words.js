/** What is known of a run, in short words; and in what two runs differ. Pure: from the backend's answers to text. */

/** @typedef {{name: string, model: ?string, dataset: ?string, lr: ?number, accuracy: ?number, state: string}} Entry */

/** 0.9912 as "99.12 %", as the run's own table has it. */
export const percent = (fraction) => `${(100 * fraction).toFixed(2)} %`;

const isNumber = (given) => typeof given === "number" && Number.isFinite(given);

/**
 * @param {Entry} entry
 * @returns {string[]} Model, data, learning rate, accuracy and state; what is not known is left out.
 */
export function about({ model, dataset, lr, accuracy, state }) {
  return [
    model,
    dataset,
    isNumber(lr) ? `lr ${Number(lr.toPrecision(6))}` : null,
    isNumber(accuracy) ? `${percent(accuracy)} val` : null,
    state,
  ].filter(Boolean);
}

/** Keys that say where a run was computed and stored, not what was trained. */
const ELSEWHERE =
  /^(data_dir|resume|objective)$|^board\.|\.(device|threads|plan|num_workers|data_location|rank_timeout)$/;
/** Summaries of other keys, for the columns of the HParams tab. */
const SUMMARIES = /^(model|optimizer|scheduler)(\.\*)?$|^dataset$/;

/**
 * The keys of the config in which two runs differ.
 * @param {Object<string, any>} first Values by key, joined by dots.
 * @param {Object<string, any>} second
 * @returns {{key: string, a: string, b: string}[]} "–" where a run lacks the key.
 */
export function differences(first, second) {
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return keys
    .filter((key) => !ELSEWHERE.test(key) && !SUMMARIES.test(key) && first[key] !== second[key])
    .toSorted()
    .map((key) => ({ key, a: written(first[key]), b: written(second[key]) }));
}

const written = (given) =>
  given === undefined ? "–" : isNumber(given) ? String(Number(given.toPrecision(6))) : String(given);

/**
 * The metrics of a run's best epoch, and which epoch that is.
 * @param {?{step: number, metrics: Object<string, number>}} best
 * @param {number} stepsPerEpoch
 */
export function bestOf(best, stepsPerEpoch) {
  if (!best) return null;
  const epoch = Math.round(best.step / stepsPerEpoch);
  const { "accuracy/val": val, "accuracy/test": test } = best.metrics;
  return { epoch, val, test, text: `epoch ${epoch}${isNumber(val) ? `, ${percent(val)} on val` : ""}` };
}

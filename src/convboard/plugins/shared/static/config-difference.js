/** In what the configs of two runs differ. Pure. */

const isNumber = (given) => typeof given === "number" && Number.isFinite(given);

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

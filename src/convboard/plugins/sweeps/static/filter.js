/**
 * Filters on settings: for each column a range of numbers `{low, high}`, both included and null where it is open, or a
 * list of `{values}` as texts. A column is a swept key, or one of those with an `@`, which no key begins with.
 */

/** Columns that are no keys of the config: what is sorted and filtered by. */
const FIGURES = {
  "@objective": (setting) => setting.mean,
  "@test": (setting) => setting.test.mean,
  "@n": (setting) => setting.n,
  "@seconds": (setting) => meanSeconds(setting.runs),
};
export const STATE = "@state"; // of any run of a setting

function meanSeconds(runs) {
  const known = runs.map(({ seconds }) => seconds).filter((seconds) => seconds !== null);
  return known.length ? known.reduce((sum, seconds) => sum + seconds, 0) / known.length : null;
}

/** What a setting has in a column; null where it has nothing. */
export const columnValue = (setting, column) => FIGURES[column]?.(setting) ?? setting.values[column] ?? null;

/** The text of a value, by which it is chosen. */
export const valueText = (value) => (value === null || value === undefined ? "null" : String(value));

/** Whether a setting passes all filters. */
export const passes = (setting, filter) =>
  Object.entries(filter).every(([column, rule]) => passesOne(setting, column, rule));

function passesOne(setting, column, rule) {
  if (column === STATE) return setting.runs.some(({ state }) => fits(state, rule));
  return fits(columnValue(setting, column), rule);
}

/** Whether a value is in a range or list. */
export function fits(value, { low = null, high = null, values }) {
  if (values) return values.includes(valueText(value));
  return typeof value === "number" && (low === null || value >= low) && (high === null || value <= high);
}

/** The filters that can be read in what a link says, which may be anything. */
export function readFilter(text) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  return Object.values(parsed).every(isRule) ? parsed : null;
}

function isRule(rule) {
  if (typeof rule !== "object" || rule === null) return false;
  const { low = null, high = null, values } = rule;
  if (values) return Array.isArray(values) && values.every((value) => typeof value === "string");
  return [low, high].every((bound) => bound === null || Number.isFinite(bound));
}

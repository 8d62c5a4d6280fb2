/** How good an objective is among those of all settings. */

const MOST = 3 / 4; // share of the settings that are told apart in any case
const OUTLYING = 3; // times the distance from the best to the last of these: what is worse than that is not told apart

/**
 * The range of the objective in which settings are told apart. One that has diverged does not squeeze the others: what
 * is much further from the best than three quarters of the settings are counts as the worst end.
 * @param {{settings: {mean: ?number}[], is_maximised: boolean}} table
 * @returns {?{worst: number, best: number, isCut: boolean}} Null where no setting has a result. `isCut` says that some
 *     are worse than `worst`.
 */
export function objectiveRange({ settings, is_maximised: isMaximised }) {
  const sign = isMaximised ? 1 : -1;
  const means = settings.map(({ mean }) => mean).filter(Number.isFinite);
  if (!means.length) return null;
  means.sort((a, b) => sign * (b - a));
  const [best, usual, last] = [0, MOST, 1].map((share) => means[Math.ceil(share * (means.length - 1))]);
  const reach = OUTLYING * Math.abs(best - usual);
  const isCut = reach > 0 && Math.abs(best - last) > reach;
  return { best, worst: isCut ? best - sign * reach : last, isCut };
}

/**
 * @param {Object} table
 * @returns {(mean: ?number) => ?number} From 0, the worst, to 1, the best; null where there is no result.
 */
export function goodness(table) {
  const range = objectiveRange(table);
  return (mean) => {
    if (!range || !Number.isFinite(mean)) return null;
    if (range.best === range.worst) return 1;
    return Math.min(1, Math.max(0, (mean - range.worst) / (range.best - range.worst)));
  };
}

/** Confusion matrices: counts as shares of the true classes, and the difference of two. Pure. */

/**
 * @typedef {{counts: ArrayLike<number>, shares: Float64Array, totals: number[], classes: number, names: string[]}}
 *     Confusion Row by row, a row for each true class; `totals` are the sums of the rows.
 */

/** @returns {Confusion} Of the numbers in a picture. */
export function confusionOf({ facts, arrays }) {
  const { data: counts, shape } = arrays.counts;
  const [classes] = shape;
  const totals = Array.from({ length: classes }, (_, row) =>
    counts.slice(row * classes, (row + 1) * classes).reduce((sum, count) => sum + count, 0),
  );
  const shares = Float64Array.from(counts, (count, i) => count / Math.max(1, totals[Math.floor(i / classes)]));
  return { counts, shares, totals, classes, names: facts.class_names };
}

/** The share of all images whose class is right. */
export function accuracyOf({ counts, totals, classes }) {
  const all = totals.reduce((sum, total) => sum + total, 0);
  let right = 0;
  for (let i = 0; i < classes; i++) right += counts[i * classes + i];
  return right / Math.max(1, all);
}

/** By how much the shares of the second are larger; null where the two are not of the same classes. */
export function differenceOf(first, second) {
  if (first.names.join("\n") !== second.names.join("\n")) return null;
  return second.shares.map((share, i) => share - first.shares[i]);
}

/** A cell in words. */
export function cellText({ counts, shares, totals, classes, names }, row, column) {
  const at = row * classes + column;
  return `${names[row]} as ${names[column]}: ${counts[at]} of ${totals[row]} (${percent(shares[at])})`;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** A difference of shares as percentage points with a sign, as short as can be; nothing where it is none. */
export function pointsText(difference) {
  const points = 100 * difference;
  const text = Math.abs(points).toFixed(Math.abs(points) < 9.95 ? 1 : 0);
  if (Number(text) === 0) return "";
  return `${points < 0 ? "−" : "+"}${text}`;
}

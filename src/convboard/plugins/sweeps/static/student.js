/** Student's t distribution. */

// Two-sided 95 % quantiles for 1 to 10 degrees of freedom.
const FEW = [12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139];
const NORMAL = 1.959963985; // the quantile of the normal distribution

/**
 * The two-sided 95 % quantile, to five digits: as `results/statistics.py` has it.
 *
 * Above 10 degrees by the expansion at the normal distribution. (Abramowitz and Stegun, Handbook of Mathematical
 * Functions, 26.7.5)
 * @param {number} degrees Degrees of freedom, a whole number above 0.
 */
export function tQuantile(degrees) {
  if (degrees <= FEW.length) return FEW[degrees - 1];
  const z = NORMAL;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** (i + 1), z);
}

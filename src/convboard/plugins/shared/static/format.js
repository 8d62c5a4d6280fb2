/** Numbers as text. */

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** 4816896 as "4,816,896". */
export const whole = (number) => WHOLE.format(number);

const UNITS = ["", "k", "M", "G", "T"];

/** 147,968 as "148k", 2,460,000 as "2.46M": three digits at most. */
export function rounded(number) {
  let [scaled, unit] = [number, 0];
  while (scaled >= 999.5 && unit < UNITS.length - 1) [scaled, unit] = [scaled / 1000, unit + 1];
  return `${unit ? Number(scaled.toPrecision(3)) : number}${UNITS[unit]}`;
}

/** [6, 28, 28] as "6×28×28". */
export const size = (shape) => shape.join("×");

/** With a true minus sign, so that columns of numbers line up. */
export const minus = (text) => text.replace("-", "−");

/** A value of a layer: three significant places, scientific where it is tiny or huge. */
export function value(number) {
  if (Number.isNaN(number)) return "not a number";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const magnitude = Math.abs(number);
  if (magnitude === 0) return "0";
  if (magnitude >= 1e5 || magnitude < 1e-3) return minus(number.toExponential(1).replace("e+", "e"));
  const places = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  return minus(number.toFixed(places));
}

/** A value for a narrow cell: at most two decimals. */
export function short(number) {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "nan" : number > 0 ? "∞" : "−∞";
  const magnitude = Math.abs(number);
  if (magnitude >= 1000) return minus(number.toExponential(0).replace("e+", "e"));
  if (magnitude === 0) return "0";
  return minus(number.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2)).replace(/^−0\.00$/, "0.00");
}

/** 0.123 as "12 %". */
export function share(fraction) {
  const percent = 100 * fraction;
  if (percent > 0 && percent < 1) return "under 1 %";
  return `${percent > 99 && percent < 100 ? 99 : Math.round(percent)} %`;
}

/** "1 kernel", "6 kernels". */
export const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;

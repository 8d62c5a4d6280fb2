/** What is drawn of each run in the view Inside, their one colour scale, and how they are arranged. Pure. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { confusionOf } from "./confusion.js";

/**
 * @typedef {{kind: "maps"|"kernels"|"matrix"|"confusion", of: Object, strongest: number, notFinite: number,
 *     activation: string}} Shown What is drawn of a run: `of` are maps, weights, or a confusion matrix; `strongest` is
 *     its largest finite magnitude, 0 where all is zero, NaN where nothing is finite; `notFinite` counts NaN and ∞.
 */

/** @returns {?Shown} Null where a run has nothing to show of this image. */
export function shownOf({ numbers }, shows, image) {
  if (!numbers) return null;
  if (shows === "confusion") return { kind: "confusion", of: confusionOf(numbers) };
  if (shows === "maps") {
    const maps = mapsOf(numbers, image);
    return maps && { kind: "maps", of: maps, ...strengthOf(maps.data), activation: activationOf(numbers) };
  }
  const { weight } = numbers.arrays;
  return { kind: weight.shape.length === 2 ? "matrix" : "kernels", of: weight, ...strengthOf(weight.data) };
}

/** The module and the function of the same name are one activation. */
const activationOf = ({ facts: { activation } }) => (/^relu$/i.test(activation) ? "ReLU" : (activation ?? ""));

function strengthOf(data) {
  const notFinite = data.reduce((count, number) => count + !Number.isFinite(number), 0);
  return { strongest: notFinite === data.length ? NaN : largestMagnitude(data), notFinite };
}

/**
 * The feature maps of one probe image, as the next layer is given them: after the activation, if the layer has one.
 * @returns {?{data: Float32Array, channels: number, height: number, width: number, offset: number}} Null where there
 *     are none of this image.
 */
export function mapsOf({ facts, arrays }, image) {
  const { data, shape } = arrays.after ?? arrays.before;
  const [images, channels, height, width] = shape;
  if (image >= images) return null;
  const size = channels * height * width;
  const own = data.subarray(image * size, (image + 1) * size);
  return { data: facts.after_is_relu ? own.map(relu) : own, channels, height, width, offset: 0 };
}

const relu = (number) => (number < 0 ? 0 : number); // and what is not a number stays so

const FAR = 30; // times the usual strength of a run: on a scale up to that, the other runs are too faint to be seen

/**
 * The scale up to the strongest number of all runs. One that has diverged does not make the others invisible: what is
 * much stronger than most is beyond the scale.
 * @param {(?Shown)[]} shown Of maps or weights.
 * @returns {{largest: number, beyond: number, isSigned: boolean}} `largest` is the magnitude of the strongest colour; 0
 *     where all numbers are zero, NaN where none is finite. `beyond`: how many runs have numbers beyond it.
 */
export function sharedScale(shown) {
  const known = shown.filter(Boolean);
  const finite = known.map(({ strongest }) => strongest).filter((number) => !Number.isNaN(number));
  const strengths = finite.filter((number) => number > 0).toSorted((a, b) => a - b);
  const usual = strengths[Math.floor((strengths.length - 1) / 2)];
  return {
    largest: strengths.findLast((number) => number <= FAR * usual) ?? (finite.length ? 0 : NaN),
    beyond: strengths.filter((number) => number > FAR * usual).length,
    isSigned: known.some(({ kind, of }) => kind !== "maps" || of.data.some((number) => number < 0)),
  };
}

const NARROWEST = 330; // pixels of a run

/** Into how many columns runs are arranged: lines of nearly equal length, none too narrow. */
export function columnsFor(count, width) {
  const most = Math.max(1, Math.min(count, Math.floor(width / NARROWEST)));
  return Math.ceil(count / Math.ceil(count / most));
}

/** The same for square pictures, so that they are as large as can be; `head` are the pixels above each. */
export function columnsForSquares(count, width, height, head) {
  const sideAt = (columns) => Math.min(width / columns, height / Math.ceil(count / columns) - head);
  const choices = Array.from({ length: count }, (_, i) => i + 1);
  return choices.reduce((best, columns) => (sideAt(columns) > sideAt(best) ? columns : best), 1);
}

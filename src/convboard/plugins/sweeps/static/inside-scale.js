/** The one colour scale of all runs that are shown. Pure. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { hasNegative, largestOf } from "../../shared/static/map-range.js";

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

/**
 * @param {(?{data: Float32Array})[]} shown Of each run its maps or its weights; null where there are none.
 * @param {boolean} areMaps
 * @returns {{largest: number, isSigned: boolean}} `largest` is the magnitude of the strongest colour; 0 where all
 *     numbers are zero, NaN where none is finite.
 */
export function sharedScale(shown, areMaps) {
  const known = shown.filter(Boolean);
  const each = known.map((one) => (areMaps ? largestOf(one) : largestMagnitude(one.data)));
  const finite = each.filter(Number.isFinite);
  return {
    largest: finite.length ? Math.max(...finite) : NaN,
    isSigned: areMaps ? known.some(hasNegative) : true,
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

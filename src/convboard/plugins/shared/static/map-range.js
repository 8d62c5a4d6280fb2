/** The range of the numbers of feature maps. */

import { largestMagnitude } from "./colours.js";

/** The magnitude of an image's strongest finite number; 0 where all are zero, NaN where none is finite. */
export function largestOf(maps) {
  const end = maps.offset + maps.channels * maps.height * maps.width;
  return (
    largestMagnitude(maps.data, maps.offset, end) ||
    (maps.data.subarray(maps.offset, end).every((number) => number === 0) ? 0 : NaN)
  );
}

/** Whether an image has a number below zero. */
export function hasNegative(maps) {
  const end = maps.offset + maps.channels * maps.height * maps.width;
  for (let i = maps.offset; i < end; i++) if (maps.data[i] < 0) return true;
  return false;
}

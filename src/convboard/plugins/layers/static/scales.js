/** The value of the strongest colour, for one run and for two runs. */

import { value } from "../../shared/static/format.js";

const SHARED_UP_TO = 4; // times that the strongest numbers of two runs may differ for them to share their colours

/**
 * The strongest colour of each run: one for both, unless one run's numbers would vanish beside the other's.
 * @param {Object[]} scenes One or two.
 * @param {(scene: Object) => ?number} largest The magnitude of a scene's strongest number.
 * @returns {number[]} One a scene.
 */
export function scalesOf(scenes, largest) {
  const each = scenes.map(largest);
  const known = each.filter(Boolean);
  if (!known.length) return each.map((own) => own ?? 0);
  const isClose = Math.max(...known) <= SHARED_UP_TO * Math.min(...known);
  return each.map((own) => (isClose && own !== 0 ? Math.max(...known) : own || 1));
}

/** Whether a colour means the same number in two runs, in words; empty for one run. */
export function scalesText(scales) {
  if (scales.length < 2) return "";
  return isShared(scales)
    ? "A and B on one scale"
    : `each on a scale of its own: A to ${value(scales[0])}, B to ${value(scales[1])}`;
}

/** Whether all runs have one scale. */
export const isShared = (scales) => scales.every((scale) => Object.is(scale, scales[0]));

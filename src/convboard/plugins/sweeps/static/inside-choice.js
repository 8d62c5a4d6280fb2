/** What the view Inside shows of which runs, by what is chosen. Pure. */

import { chosenSettings } from "./selection.js";

export const MOST = 12; // runs that are shown at once

/**
 * @typedef {{layers: {name: string, maps: ?string, weights: ?string}[], steps_per_epoch: ?number,
 *     pictures: Object<string, {step: number, key: string}[]>, command: string}} Inside See `inside_of`.
 */

const TAG_OF = { maps: (layer) => layer.maps, kernels: (layer) => layer.weights };
const MATRIX = "confusion_matrix/val";

/**
 * The runs that are shown: of each setting that is picked, or else of the best ones that have pictures.
 * @param {Object} state Of the tab; `seeds` is "first" for a run of each setting, or "all".
 * @returns {{setting: Object, index: number, run: import("./api.js").Run}[]} `index` gives the colour.
 */
export function insideRuns(state) {
  const { matching, pictured, seeds } = state;
  const has = ({ run }) => pictured.has(run);
  const matchingInside = matching.filter(({ runs }) => runs.some(has));
  return chosenSettings({ ...state, matching: matchingInside }).flatMap(({ setting, index }) => {
    const found = setting.runs.filter(has);
    const shown = found.length ? found : setting.runs.slice(0, 1);
    return (seeds === "all" ? shown : shown.slice(0, 1)).map((run) => ({ setting, index, run }));
  });
}

/** The names of the layers that any of some runs has pictures of, in the order of their calls. */
export function layerNames(insides, shows) {
  if (shows === "confusion") return [];
  const names = [];
  for (const { layers } of insides) {
    let before = -1; // place of the layer before this one
    for (const layer of layers) {
      if (!TAG_OF[shows](layer)) continue;
      if (!names.includes(layer.name)) names.splice(before + 1, 0, layer.name);
      before = names.indexOf(layer.name);
    }
  }
  return names;
}

/** The tag of what is shown of a run; null where it has no such pictures. */
export function tagOf({ layers, pictures }, shows, name) {
  if (shows === "confusion") return pictures[MATRIX] ? MATRIX : null;
  const layer = layers.find((one) => one.name === name);
  return layer ? TAG_OF[shows](layer) : null;
}

const epochOf = ({ step }, { steps_per_epoch: steps }) => Math.round(step / (steps || 1));

/** The epochs at which any of some runs has a picture of what is shown, in ascending order. */
export function epochsOf(insides, shows, layer) {
  const all = insides.flatMap((inside) =>
    (inside.pictures[tagOf(inside, shows, layer)] ?? []).map((picture) => epochOf(picture, inside)),
  );
  return [...new Set(all)].toSorted((a, b) => a - b);
}

/**
 * A run's picture of an epoch, or its last one before that, or else its first one.
 * @returns {?{key: string, epoch: number}} Null where it has none.
 */
export function pictureAt(inside, tag, epoch) {
  const pictures = inside.pictures[tag] ?? [];
  const found = pictures.findLast((picture) => epochOf(picture, inside) <= epoch) ?? pictures[0];
  return found ? { key: found.key, epoch: epochOf(found, inside) } : null;
}

/** Which of some ascending epochs is shown: the last one up to the chosen one; the last of all where none is chosen. */
export function epochIndex(epochs, chosen) {
  if (chosen === null) return epochs.length - 1;
  return Math.max(
    0,
    epochs.findLastIndex((epoch) => epoch <= chosen),
  );
}

/** Whether the chosen probe image of two runs is the same, byte by byte. */
export function isSameImage(one, other, image) {
  const [first, second] = [one, other].map(({ arrays }) => {
    const { data, shape } = arrays.images;
    const size = shape.slice(1).reduce((product, side) => product * side, 1);
    return { sides: shape.slice(1).join(), bytes: data.subarray(image * size, (image + 1) * size) };
  });
  return first.sides === second.sides && first.bytes.every((byte, i) => byte === second.bytes[i]);
}

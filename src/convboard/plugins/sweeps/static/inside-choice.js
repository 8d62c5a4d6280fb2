/** What the view Inside shows of which runs, by what is chosen. Pure. */

import { chosenSettings } from "./selection.js";

export const MOST = 12; // runs that are shown at once

/**
 * @typedef {{layers: {name: string, maps: ?string, weights: ?string}[], steps_per_epoch: ?number,
 *     pictures: Object<string, {step: number, key: string}[]>, command: string}} Inside See `inside_of`.
 */

const TAG_OF = { maps: (layer) => layer.maps, kernels: (layer) => layer.weights, confusion: () => null };
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

/** The layers of a run that have what is shown. */
export const layersWith = (inside, shows) => inside.layers.filter(TAG_OF[shows]);

/** The names of the layers that any of some runs has pictures of, in the order of their calls. */
export function layerNames(insides, shows) {
  const names = [];
  for (const inside of insides) {
    let before = -1; // place of the layer before this one
    for (const { name } of layersWith(inside, shows)) {
      if (!names.includes(name)) names.splice(before + 1, 0, name);
      before = names.indexOf(name);
    }
  }
  return names;
}

/** How many of some runs have a layer of each name. */
export const layerCounts = (insides, shows, names) =>
  names.map((name) => insides.filter((inside) => ownLayer(inside, shows, name)).length);

const ownLayer = (inside, shows, name) => layersWith(inside, shows).find((layer) => layer.name === name) ?? null;

/**
 * The layer of a run that is shown for a name: the one of that name. A network that shares no name with the one that
 * the name is from has other conventions: of it, the layer at the same place is shown.
 * @returns {?Object} Null where it has none.
 */
export function layerFor(inside, insides, shows, name) {
  const own = ownLayer(inside, shows, name);
  const other = insides.find((one) => ownLayer(one, shows, name));
  if (own || !other) return own;
  const [layers, others] = [inside, other].map((one) => layersWith(one, shows));
  const isShared = layers.some((layer) => others.some((one) => one.name === layer.name));
  return isShared ? null : (layers[others.findIndex((layer) => layer.name === name)] ?? null);
}

/** The tag of what is shown of a run, of one of its layers; null where it has no such pictures. */
export function tagOf({ pictures }, shows, layer) {
  if (shows === "confusion") return pictures[MATRIX] ? MATRIX : null;
  return layer && TAG_OF[shows](layer);
}

const epochOf = ({ step }, { steps_per_epoch: steps }) => Math.round(step / (steps || 1));

/** The epochs at which any of some runs has a picture, in ascending order; `tags` are those of what is shown. */
export function epochsOf(insides, tags) {
  const all = insides.flatMap((inside, i) =>
    (inside.pictures[tags[i]] ?? []).map((picture) => epochOf(picture, inside)),
  );
  return [...new Set(all)].toSorted((a, b) => a - b);
}

/**
 * A run's picture of an epoch, or its last one before that, or else its first one.
 * @returns {?{key: string, step: number, epoch: number, isLast: boolean}} Null where it has none.
 */
export function pictureAt(inside, tag, epoch) {
  const pictures = inside.pictures[tag] ?? [];
  const found = pictures.findLast((picture) => epochOf(picture, inside) <= epoch) ?? pictures[0];
  if (!found) return null;
  return { ...found, epoch: epochOf(found, inside), isLast: found === pictures.at(-1) };
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

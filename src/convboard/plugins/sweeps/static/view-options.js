/** What can be chosen in the views Curves, What mattered and Inside, and how a link holds it. */

/**
 * The options in the state of the tab. A null `tag` is the objective; null keys, `colourBy` and `layer` are chosen for
 * you, a null `epoch` is the last one, and a null `zoom` is the whole plot: else `[left, right, bottom, top]`.
 */
export const VIEW_DEFAULTS = {
  tag: null,
  axis: "epoch",
  smoothing: 0,
  band: "deviation",
  logX: false,
  logY: false,
  zoom: null,
  colourBy: null,
  keyX: null,
  keyY: null,
  shows: "maps",
  layer: null,
  image: 0,
  epoch: null,
  seeds: "first",
};

const CHOICES = {
  axis: ["step", "epoch", "time"],
  band: ["deviation", "interval", "range", "none"],
  shows: ["maps", "kernels", "confusion"],
  seeds: ["first", "all"],
};
const LARGEST_SMOOTHING = 0.99;

/**
 * The options, from the tab's part of a link. What cannot be read is as if it were not there.
 * @param {Object<string, string>} values
 */
export function viewFromLink(values) {
  const found = { ...VIEW_DEFAULTS };
  for (const name of ["tag", "colourBy", "keyX", "keyY", "layer"]) found[name] = values[name] || null;
  for (const [name, choices] of Object.entries(CHOICES)) if (choices.includes(values[name])) found[name] = values[name];
  for (const name of ["logX", "logY"]) found[name] = values[name] === "1";
  found.zoom = readZoom(values.zoom ?? "");
  const smoothing = Number(values.smoothing);
  if (smoothing > 0) found.smoothing = Math.min(smoothing, LARGEST_SMOOTHING);
  for (const name of ["image", "epoch"]) if (/^\d{1,6}$/.test(values[name])) found[name] = Number(values[name]);
  return found;
}

function readZoom(text) {
  const [left, right, bottom, top] = text.split(",").map(Number);
  return left < right && bottom < top ? [left, right, bottom, top] : null;
}

/** The inverse of `viewFromLink`; what is as by default is null. */
export function viewToLink(state) {
  const link = {};
  for (const [name, usual] of Object.entries(VIEW_DEFAULTS)) {
    const value = state[name];
    link[name] = value === usual ? null : value === true ? "1" : value;
  }
  return link;
}

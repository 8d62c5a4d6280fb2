/** What the view Inside says of a run and of a place in its picture. Pure. */

import { plural, size, value } from "../../shared/static/format.js";
import { accuracyOf, cellText } from "./confusion.js";

const LIVE = new Set(["running", "waiting"]);
const COLOURS = ["red", "green", "blue"];

/**
 * What is shown of a run, in parts: whose picture it is, where that needs to be said, and what is in it.
 * @param {import("./inside-loader.js").Cell} cell
 * @param {import("./inside-shown.js").Shown} shown
 * @param {{layer: ?string, epoch: number, activation: string, largest: number}} of `layer` and `epoch` are the chosen
 *     ones; `activation` is that of all runs, empty if they have different ones; `largest` the end of the colour scale.
 */
export function aboutParts(cell, shown, { layer, epoch, activation, largest }) {
  const place = cell.layer !== null && cell.layer !== layer ? [`layer ${cell.layer} in its place`] : [];
  return [...place, timeText(cell, epoch), ...contentParts(shown, activation, largest)];
}

function timeText({ picture, run }, epoch) {
  const own = picture.epoch === 0 ? "untrained" : `epoch ${picture.epoch}`;
  if (picture.epoch === epoch) return own;
  if (picture.epoch > epoch) return `${own}, its first picture`;
  if (picture.isLast) return LIVE.has(run.state) ? `${own} so far` : `${own}, its last picture`;
  return `${own}, the last picture before ${epoch}`;
}

function contentParts({ kind, of, strongest, notFinite, activation }, common, largest) {
  if (kind === "confusion") return [`${(100 * accuracyOf(of)).toFixed(2)} % right`];
  const after = activation && !common ? ` after ${activation}` : "";
  const strength = strengthText(strongest, largest);
  const isMixed = notFinite > 0 && !Number.isNaN(strongest);
  return [`${counted(kind, of)}${after}`, isMixed ? `${notFinite} not finite, the others ${strength}` : strength];
}

function counted(kind, { channels, height, width, shape }) {
  if (kind === "maps") return `${plural(channels, "map")} of ${size([height, width])}`;
  const [filters, ...sides] = shape;
  return `${plural(filters, kind === "matrix" ? "unit" : "kernel")} of ${size(sides)}`;
}

function strengthText(strongest, largest) {
  if (Number.isNaN(strongest)) return "nothing finite";
  if (strongest === 0) return "all zero";
  return `up to ${value(strongest)}${strongest > largest ? ", beyond the scale" : ""}`;
}

/** What is at a place, in words; empty where a picture has no such place. */
export function placeText({ kind, of }, place) {
  if (kind === "confusion") return place.row < of.classes ? cellText(of, place.row, place.column) : "";
  return kind === "maps" ? mapText(of, place) : weightText(kind, of, place);
}

function mapText({ data, channels, height, width }, { channel, row, column }) {
  if (channel >= channels || row >= height || column >= width) return "";
  return `map ${channel}, (${row}, ${column}): ${value(data[(channel * height + row) * width + column])}`;
}

/** Of a kernel that is drawn in colour, where `slice` is null, the three weights that make it. */
function weightText(kind, { data, shape: [count, ...sides] }, { channel, slice, row, column }) {
  const [slices, height, width] = kind === "matrix" ? [1, 1, ...sides] : sides;
  if (channel >= count || slice >= slices || row >= height || column >= width) return "";
  const at = (input) => value(data[((channel * slices + input) * height + row) * width + column]);
  if (kind === "matrix") return `unit ${channel}, input ${column}: ${at(0)}`;
  if (slice === null)
    return `kernel ${channel}, (${row}, ${column}): ${COLOURS.map((name, i) => `${name} ${at(i)}`).join(", ")}`;
  return `kernel ${channel}, ${slices > 1 ? `input channel ${slice}, ` : ""}(${row}, ${column}): ${at(slice)}`;
}

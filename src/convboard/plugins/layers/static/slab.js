/** A layer's output as a small solid: the face follows height and width, the thickness the channels. */

import { svg } from "../../shared/static/dom.js";

const FACE = 34; // pixels of the network's largest height or width
const SHRINK = 0.75; // half the side is drawn three fifths as large: 1 and 224 fit one card, and 28 and 14 differ
const SHEET = 2; // pixels of one channel
const DOUBLING = 3.8; // pixels more for each doubling of the channels
const SLANT = [0.52, 0.26]; // a pixel of width goes right and up by
const THIN = 6; // the side of a number without height and width

/**
 * All slabs of a network are drawn on one scale, whatever the card.
 * @param {number[]} shape `[C, H, W]` or `[F]`; others are drawn as vectors.
 * @param {number} width Pixels that there are.
 * @param {number} height
 * @param {number} largest The largest height or width in the network.
 * @returns {SVGElement} Coloured by CSS: `.slab .front`, `.top`, `.side`, `.cut`.
 */
export function slab(shape, width, height, largest) {
  const picture = svg("svg", {
    class: "slab",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "aria-hidden": "true",
  });
  const isVector = shape.length !== 3;
  const features = shape.reduce((product, side) => product * side, 1);
  const face = (side) => Math.max(THIN, FACE * (side / largest) ** SHRINK);
  const [channels, rows, columns] = isVector ? [features, THIN, THIN] : [shape[0], face(shape[1]), face(shape[2])];
  picture.append(...solid(channels, columns, rows, width, height));
  return picture;
}

/** Seen from the left: the channels go right, one behind the other; a line for each, or for each doubling. */
function solid(channels, columns, rows, width, height) {
  const [w, u, h] = [columns * SLANT[0], columns * SLANT[1], rows];
  const place = (channel) => SHEET + DOUBLING * Math.log2(channel);
  const t = Math.min(place(channels), width - 2 - w);
  const x = (width - t - w) / 2;
  const y = (height - h + u) / 2;
  const polygon = (name, ...points) => svg("polygon", { class: name, points: points.map((p) => p.join()).join(" ") });
  const cuts = Array.from({ length: Math.floor(Math.log2(channels)) }, (_, i) => x + place(2 ** i)).filter(
    (at) => at < x + t - 1,
  );
  return [
    polygon("front", [x, y], [x + t, y], [x + t, y + h], [x, y + h]),
    polygon("top", [x, y], [x + w, y - u], [x + t + w, y - u], [x + t, y]),
    polygon("side", [x + t, y], [x + t + w, y - u], [x + t + w, y - u + h], [x + t, y + h]),
    ...cuts.map((at) => svg("polyline", { class: "cut", points: `${at},${y + h} ${at},${y} ${at + w},${y - u}` })),
  ];
}

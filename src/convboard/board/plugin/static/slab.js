/** A layer's output as a small solid: the face follows height and width, the thickness the channels. */

import { svg } from "./dom.js";

const FACE = 15; // pixels of the network's largest height or width, so that the lowest card has room for it
const SHRINK = 0.6; // half the side is drawn two thirds as large: 1 and 224 fit one card, and 28 and 14 differ
const DEPTH = 1.7; // pixels a doubling of the channels
const SLANT = [0.8, 0.28]; // a pixel of width goes right and up by

const depth = (channels) => 2 + DEPTH * Math.log2(channels);

/**
 * All slabs of a network are drawn on one scale, whatever the card.
 * @param {number[]} shape `[C, H, W]` or `[F]`; others are drawn as vectors.
 * @param {number} width Pixels that there are.
 * @param {number} height
 * @param {number} largest The largest height or width in the network.
 * @returns {SVGElement} Coloured by CSS: `.slab .front`, `.top`, `.side`.
 */
export function slab(shape, width, height, largest) {
  const picture = svg("svg", { class: "slab", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  picture.append(...(shape.length === 3 ? solid(shape, width, height, largest) : bar(shape, width, height)));
  return picture;
}

function solid([channels, rows, columns], width, height, largest) {
  const face = (side) => Math.max(2, FACE * (side / largest) ** SHRINK);
  const [w, u, h] = [face(columns) * SLANT[0], face(columns) * SLANT[1], face(rows)];
  const t = Math.min(depth(channels), width - 2 - w);
  const x = (width - t - w) / 2;
  const y = (height - h + u) / 2;
  const polygon = (name, ...points) => svg("polygon", { class: name, points: points.map((p) => p.join()).join(" ") });
  return [
    polygon("front", [x, y], [x + t, y], [x + t, y + h], [x, y + h]),
    polygon("top", [x, y], [x + w, y - u], [x + t + w, y - u], [x + t, y]),
    polygon("side", [x + t, y], [x + t + w, y - u], [x + t + w, y - u + h], [x + t, y + h]),
  ];
}

/** A vector is a bar, as long as it has features, cut into a few cells. */
function bar(shape, width, height) {
  const features = shape.reduce((product, side) => product * side, 1);
  const length = Math.min(width - 2, 6 + 2.3 * Math.log2(features));
  const thick = 7;
  const [x, y] = [(width - length) / 2, (height - thick) / 2];
  const cells = Math.min(features, Math.floor(length / 5));
  const lines = Array.from({ length: cells - 1 }, (_, i) => {
    const at = x + (length * (i + 1)) / cells;
    return svg("line", { class: "cut", x1: at, x2: at, y1: y, y2: y + thick });
  });
  return [svg("rect", { class: "side", x, y, width: length, height: thick, rx: 1 }), ...lines];
}

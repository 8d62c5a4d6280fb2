/** A patch, a kernel or their products: a small table of numbers on their colours. */

import { cssColour } from "./colours.js";
import { el } from "./dom.js";
import { short } from "./format.js";

const NARROW = 20; // pixels of a cell below which no number can be read

/**
 * @param {string} title
 * @param {number[]} values Row by row.
 * @param {number} columns
 * @param {{width: number, theme: string, largest: number, inside?: boolean[], winner?: ?number}} how `width` in pixels of
 *     the whole; where `inside` is false the cell is padding; `winner` is framed.
 */
export function grid(title, values, columns, { width, theme, largest, inside, winner }) {
  const cell = Math.max(5, Math.min(40, Math.floor(width / columns)));
  const cells = values.map((value, i) => {
    const isPadding = inside && !inside[i];
    const colours = isPadding ? null : cssColour(theme, value, largest);
    return el(
      "span",
      {
        class: `cell${isPadding ? " padding" : ""}${i === winner ? " winner" : ""}`,
        style: colours ? { background: colours.ground, color: colours.text } : {},
      },
      cell < NARROW ? "" : short(value),
    );
  });
  const rowHeight = cell < NARROW ? cell : 19;
  return el(
    "figure",
    { class: "grid" },
    el("figcaption", {}, title),
    el("div", {
      class: cell < 26 ? "cells tight" : "cells",
      style: { "grid-template-columns": `repeat(${columns}, ${cell}px)`, "grid-auto-rows": `${rowHeight}px` },
    }, cells),
  );
}

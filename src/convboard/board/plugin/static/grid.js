/** A patch, a kernel or their products: a small table of numbers on their colours. */

import { cssColour } from "./colours.js";
import { el } from "./dom.js";
import { short } from "./format.js";

const NARROW = 20; // pixels of a cell below which no number can be read
const TIGHT = 26; // below which it has to be a short one

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
      cell < NARROW ? "" : cell < TIGHT ? shortest(value) : short(value),
    );
  });
  const rowHeight = cell < NARROW ? cell : 19;
  return el(
    "figure",
    { class: "grid" },
    el("figcaption", {}, title),
    el("div", {
      class: cell < TIGHT ? "cells tight" : "cells",
      style: { "grid-template-columns": `repeat(${columns}, ${cell}px)`, "grid-auto-rows": `${rowHeight}px` },
    }, cells),
  );
}

/** As `short`, in the room of three digits: .12, −1.2, 13. */
function shortest(number) {
  const magnitude = Math.abs(number);
  if (!(magnitude >= 1 && magnitude < 100)) return short(number).replace("0.", ".");
  return number.toFixed(magnitude < 10 ? 1 : 0).replace("-", "−");
}

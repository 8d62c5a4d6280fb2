/** The colours of a picture with their numbers: from the most negative to the most positive. */

import { colouring } from "./colours.js";
import { el } from "./dom.js";
import { value } from "./format.js";

const WIDTH = 96;

/**
 * @param {number} largest The magnitude of the strongest colour; 0 where all numbers are 0, NaN where none is finite.
 * @param {boolean} isSigned Whether anything is below zero.
 * @param {"light"|"dark"} theme
 * @param {boolean} [isCut] Whether some numbers are beyond the strongest colour.
 */
export function scaleBar(largest, isSigned, theme, isCut = false) {
  if (!largest) return el("p", { class: "scale quiet" }, largest === 0 ? "all zero" : "nothing finite");
  const canvas = el("canvas", { width: WIDTH, height: 1 });
  const strip = new ImageData(WIDTH, 1);
  const colour = colouring(theme, largest);
  const pixels = new Uint32Array(strip.data.buffer);
  for (let i = 0; i < WIDTH; i++)
    pixels[i] = colour(isSigned ? largest * ((2 * i) / (WIDTH - 1) - 1) : (largest * i) / (WIDTH - 1));
  canvas.getContext("2d").putImageData(strip, 0, 0);
  const numbers = isSigned ? [-largest, 0, largest] : [0, largest];
  return el(
    "div",
    { class: "scale", role: "img", "aria-label": `Colours from ${value(numbers[0])} to ${value(largest)}` },
    canvas,
    el(
      "div",
      { class: "ticks" },
      numbers.map((number) => el("span", {}, isCut ? cut(number) : value(number))),
    ),
  );
}

const cut = (number) => (number === 0 ? "0" : `${number < 0 ? "≤" : "≥"} ${value(number)}`);

/** A patch, a kernel or their products: a small table of numbers on their colours.
 *
 * It is painted on a canvas that is used again: the layout of a hundred cells takes longer than a frame, and it changes
 * with every unit under the pointer.
 */

import { cssColour } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { short } from "../../shared/static/format.js";

const NARROW = 20; // pixels of a cell below which no number can be read
const TIGHT = 26; // below which it has to be a short one
const TEXT = 12; // pixels
const HATCH = 5; // pixels from line to line of padding

const canvases = {}; // by slot

/**
 * @param {string} slot Which of the grids that are shown at once.
 * @param {string} title
 * @param {number[]} values Row by row.
 * @param {number} columns
 * @param {{width: number, theme: string, largest: number, inside?: boolean[], winner?: ?number}} how `width`: of the
 *     whole, in pixels; where `inside` is false the cell is padding; `winner` is framed.
 */
export function grid(slot, title, values, columns, { width, theme, largest, inside, winner }) {
  const side = Math.max(5, Math.min(40, Math.floor(width / columns)));
  const cell = { width: side, height: side < NARROW ? side : 19 };
  const texts = values.map(side < TIGHT ? shortest : short);
  const isPadding = (i) => inside && !inside[i];
  const read = texts.map((text, i) => (isPadding(i) ? "padding" : text));
  const rows = Array.from({ length: values.length / columns }, (_, row) =>
    read.slice(row * columns, (row + 1) * columns),
  );
  const [across, down] = [columns * side, rows.length * cell.height];
  const canvas = (canvases[slot] ??= el("canvas", { class: "cells", role: "img" }));
  canvas.setAttribute("aria-label", `${title}: ${rows.map((row) => row.join(" ")).join("; ")}`);
  const context = sized(canvas, across, down);
  const look = styles(theme);
  context.font = `${TEXT}px ${look.family}`;
  context.letterSpacing = side < TIGHT ? "-0.7px" : "-0.3px";
  context.textAlign = "center";
  context.textBaseline = "middle";
  values.forEach((value, i) => {
    const [x, y] = [(i % columns) * side, Math.floor(i / columns) * cell.height];
    const colours = isPadding(i) ? { ground: look.sunk, text: look.quiet } : cssColour(theme, value, largest);
    context.fillStyle = colours.ground;
    context.fillRect(x, y, cell.width, cell.height);
    if (isPadding(i)) hatch(context, x, y, cell, look.line);
    if (side < NARROW) return;
    context.fillStyle = colours.text;
    context.fillText(texts[i], x + side / 2, y + cell.height / 2 + 1, side - 1);
  });
  if (winner !== null && winner !== undefined) {
    context.strokeStyle = look.accent;
    context.lineWidth = 2;
    context.strokeRect(
      (winner % columns) * side + 1,
      Math.floor(winner / columns) * cell.height + 1,
      side - 2,
      cell.height - 2,
    );
  }
  return el("figure", { class: "grid" }, el("figcaption", {}, title), canvas);
}

/** As many pixels as the screen has for it, and its context in those of CSS. All of it is painted over. */
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [width, height].map((side) => Math.round(side * ratio));
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Diagonal lines that go on from cell to cell. */
function hatch(context, x, y, { width, height }, colour) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let sum = HATCH * Math.ceil((x + y) / HATCH); sum < x + y + width + height; sum += HATCH) {
    context.moveTo(sum - y, y);
    context.lineTo(sum - y - height, y + height);
  }
  context.stroke();
  context.restore();
}

const known = {}; // by theme

/** The page's own colours and letters. */
function styles(theme) {
  if (!known[theme]) {
    const root = getComputedStyle(document.documentElement);
    const of = (name) => root.getPropertyValue(name).trim();
    known[theme] = {
      sunk: of("--sunk"),
      line: of("--line"),
      quiet: of("--quiet"),
      accent: of("--accent"),
      family: getComputedStyle(document.body).fontFamily,
    };
  }
  return known[theme];
}

/** As `short`, in the room of three digits: .12, −1.2, 13. */
function shortest(number) {
  const magnitude = Math.abs(number);
  if (!(magnitude >= 1 && magnitude < 100)) return short(number).replace("0.", ".");
  return number.toFixed(magnitude < 10 ? 1 : 0).replace("-", "−");
}

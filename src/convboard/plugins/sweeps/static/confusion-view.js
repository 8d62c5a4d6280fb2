/** A confusion matrix on a canvas, or the difference of two: a row for each true class, a column for each predicted. */

import { clearedContext, hiddenCanvas, pageColours } from "../../shared/static/canvas.js";
import { cssColour } from "../../shared/static/colours.js";
import { el, place } from "../../shared/static/dom.js";

const SIDE = { smallest: 3, largest: 40, text: 21, digits: 4 }; // pixels of a cell; from `text` on it has a number
const FONT = { name: 12, cell: 11 };
const NAMES = { narrowest: 18, widest: 92 }; // pixels for class names
const GAP = 1;

export class ConfusionView {
  #plan = null; // {left, top, side, classes}

  /** @param {(cell: ?{row: number, column: number}) => void} point Called as the pointer moves. */
  constructor(point) {
    this.canvas = hiddenCanvas();
    this.pointed = el("div", { class: "unit pointed", hidden: true });
    this.node = el("div", { class: "confusion", role: "img" }, this.canvas, this.pointed);
    this.node.addEventListener("pointermove", (event) => point(this.#cellAt(event)));
    this.node.addEventListener("pointerleave", () => point(null));
  }

  /**
   * @param {{values: ArrayLike<number>, largest: number, names: string[], textOf: (index: number) => string}} matrix
   *     `largest` is the value of the strongest colour.
   * @param {{theme: "light"|"dark", width: number, height: number}} how The room that there is.
   */
  draw({ values, largest, names, textOf }, { theme, width, height }) {
    const classes = names.length;
    const look = pageColours(["text", "quiet", "panel"]);
    const context = this.canvas.getContext("2d");
    context.font = fontOf(FONT.name);
    const widest = Math.max(...names.map((name) => context.measureText(name).width));
    const room = Math.min(NAMES.widest, Math.max(NAMES.narrowest, Math.ceil(widest) + 8));
    const side = sideOf(classes, width - room - FONT.name - 6, height - room - FONT.name - 6);
    const isNamed = side >= FONT.name;
    const [left, top] = isNamed ? [room + FONT.name + 6, topOf(widest, side, room) + FONT.name + 6] : [18, 18];
    this.#plan = { left, top, side, classes };
    const [across, down] = [left + classes * side + 1, top + classes * side + 1];
    Object.assign(this.node.style, { width: `${across}px`, height: `${down}px` });
    const pen = clearedContext(this.canvas, across, down);
    drawCells(pen, this.#plan, { values, largest, textOf, theme });
    drawTitles(pen, this.#plan, look.quiet);
    if (isNamed) drawNames(pen, this.#plan, names, { colour: look.text, room, isUpright: widest > side - 4 });
  }

  /** Frame a cell; null: none. */
  mark(cell) {
    if (!this.#plan) return;
    const { left, top, side, classes } = this.#plan;
    const isThere = cell && cell.row < classes && cell.column < classes;
    const box = isThere && {
      x: left + cell.column * side - 1,
      y: top + cell.row * side - 1,
      width: side,
      height: side,
    };
    place(this.pointed, box || null);
  }

  #cellAt({ clientX, clientY }) {
    if (!this.#plan) return null;
    const { left, top, side, classes } = this.#plan;
    const box = this.node.getBoundingClientRect();
    const [row, column] = [clientY - box.top - top, clientX - box.left - left].map((at) => Math.floor(at / side));
    return row >= 0 && column >= 0 && row < classes && column < classes ? { row, column } : null;
  }
}

const fontOf = (size) => `${size}px ${getComputedStyle(document.body).fontFamily}`;

/** As large as whole pixels allow. */
const sideOf = (classes, width, height) =>
  Math.max(SIDE.smallest, Math.min(SIDE.largest, Math.floor(Math.min(width, height) / classes)));

/** Pixels for the names above the columns: upright where they are wider than a cell. */
const topOf = (widest, side, room) => (widest > side - 4 ? room : FONT.name + 4);

function drawCells(pen, { left, top, side, classes }, { values, largest, textOf, theme }) {
  Object.assign(pen, { font: fontOf(FONT.cell), textAlign: "center", textBaseline: "middle" });
  const gap = side > 8 ? GAP : 0;
  for (let i = 0; i < values.length; i++) {
    const [x, y] = [left + (i % classes) * side, top + Math.floor(i / classes) * side];
    const colour = cssColour(theme, values[i], largest);
    pen.fillStyle = colour.ground;
    pen.fillRect(x, y, side - gap, side - gap);
    if (side < SIDE.text) continue;
    pen.fillStyle = colour.text;
    pen.fillText(textOf(i), x + (side - gap) / 2, y + (side - gap) / 2 + 1, side - 2);
  }
}

function drawTitles(pen, { left, top, side, classes }, colour) {
  Object.assign(pen, { font: fontOf(FONT.cell), fillStyle: colour, textAlign: "left", textBaseline: "top" });
  pen.fillText("predicted →", left, 0);
  pen.save();
  pen.translate(0, top + classes * side);
  pen.rotate(-Math.PI / 2);
  pen.fillText("← true", Math.max(0, classes * side - 36), 0);
  pen.restore();
}

function drawNames(pen, { left, top, side }, names, { colour, room, isUpright }) {
  Object.assign(pen, { font: fontOf(FONT.name), fillStyle: colour, textBaseline: "middle" });
  names.forEach((name, i) => {
    const middle = i * side + side / 2;
    pen.textAlign = "right";
    pen.fillText(name, left - 5, top + middle, room - 4);
    pen.save();
    pen.translate(left + middle, top - 5);
    if (isUpright) pen.rotate(-Math.PI / 2);
    pen.textAlign = isUpright ? "left" : "center";
    pen.fillText(name, 0, isUpright ? 0 : -4, room - 4);
    pen.restore();
  });
}

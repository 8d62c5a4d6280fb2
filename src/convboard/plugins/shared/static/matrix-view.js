/** A linear layer's weights: a row for each unit, a column for each input. The chosen unit's row is framed. */

import { el, place } from "./dom.js";
import { paintTiles, strongestIn } from "./tiles.js";

const LARGEST = 12; // pixels of a weight
const HEIGHT = 420;

export class MatrixView {
  #tile = null; // see `paintTiles`

  /** @param {?((weight: ?import("./kernels-view.js").Weight) => void)} point Called as the pointer moves. */
  constructor(point = null) {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.chosen = el("div", { class: "kernel chosen", hidden: true });
    this.pointed = el("div", { class: "unit pointed", hidden: true });
    this.node = el("div", { class: "kernels" }, this.canvas, this.chosen, this.pointed);
    if (!point) return;
    this.canvas.classList.add("pointed-at");
    this.canvas.addEventListener("pointermove", (event) => point(this.#weightAt(event)));
    this.canvas.addEventListener("pointerleave", () => point(null));
  }

  /**
   * @param {{data: Float32Array, shape: number[]}} weight `[units, inputs, 1, 1]`
   * @param {{theme: string, largest: number, width: number}} how
   */
  draw({ data, shape: [rows, columns] }, { theme, largest, width }) {
    const fitting = Math.min(LARGEST, width / columns, HEIGHT / rows);
    const scale = fitting >= 1 ? Math.floor(fitting) : Math.min(1, width / columns);
    this.#tile = { x: 0, y: 0, rows, columns, scale, data, offset: 0 };
    const area = { width: Math.ceil(columns * scale), height: Math.ceil(rows * scale) };
    paintTiles(this.canvas, area, [this.#tile], theme, largest);
  }

  /** Frame the row of a unit; null or one that is not drawn: frame none. */
  mark(unit) {
    const { rows = 0, columns, scale } = this.#tile ?? {};
    const isThere = unit !== null && unit !== undefined && unit < rows;
    this.chosen.dataset.channel = isThere ? unit : "";
    const box = { x: -2, y: unit * scale - 2, width: columns * scale + 4, height: Math.max(1, scale) + 4 };
    place(this.chosen, isThere ? box : null);
  }

  /** Frame a weight and the row of its unit; null, or one that is not drawn: frame none. */
  markWeight(weight) {
    const { rows = 0, columns, scale } = this.#tile ?? {};
    const isThere = weight && weight.channel < rows && weight.column < columns;
    this.mark(isThere ? weight.channel : null);
    const side = Math.max(3, scale) + 2;
    const box = isThere && { x: weight.column * scale - 1, y: weight.channel * scale - 1, width: side, height: side };
    place(this.pointed, box || null);
  }

  /** The weight under the pointer: of several on one pixel the one that it shows. */
  #weightAt({ offsetX, offsetY }) {
    const { scale, columns, rows } = this.#tile;
    const within = (offset, count) => Math.min(Math.ceil(count * scale) - 1, Math.max(0, Math.floor(offset)));
    const [row, column] = [within(offsetY, rows), within(offsetX, columns)];
    const [r, c] = [row, column].map((pixel) => Math.floor(pixel / scale));
    const at = scale < 1 ? strongestIn(this.#tile, row, column) : r * columns + c;
    return { channel: Math.floor(at / columns), slice: 0, row: 0, column: at % columns };
  }
}

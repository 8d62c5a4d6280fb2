/** A linear layer's weights: a row for each unit, a column for each input. The chosen unit's row is framed. */

import { el, place } from "./dom.js";
import { paintTiles } from "./tiles.js";

const LARGEST = 12; // pixels of a weight
const HEIGHT = 420;

export class MatrixView {
  #scale = 0;
  #size = [0, 0];

  constructor() {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.chosen = el("div", { class: "kernel chosen", hidden: true });
    this.node = el("div", { class: "kernels" }, this.canvas, this.chosen);
  }

  /**
   * @param {{data: Float32Array, shape: number[]}} weight `[units, inputs, 1, 1]`
   * @param {{theme: string, largest: number, width: number}} how
   */
  draw({ data, shape: [rows, columns] }, { theme, largest, width }) {
    const fitting = Math.min(LARGEST, width / columns, HEIGHT / rows);
    const scale = fitting >= 1 ? Math.floor(fitting) : Math.min(1, width / columns);
    this.#scale = scale;
    this.#size = [rows, columns];
    const area = { width: Math.ceil(columns * scale), height: Math.ceil(rows * scale) };
    paintTiles(this.canvas, area, [{ x: 0, y: 0, rows, columns, scale, data, offset: 0 }], theme, largest);
  }

  /** Frame the row of a unit; null or one that is not drawn: frame none. */
  mark(unit) {
    const [rows, columns] = this.#size;
    const isThere = unit !== null && unit !== undefined && unit < rows;
    this.chosen.dataset.channel = isThere ? unit : "";
    const scale = this.#scale;
    const box = { x: -2, y: unit * scale - 2, width: columns * scale + 4, height: Math.max(1, scale) + 4 };
    place(this.chosen, isThere ? box : null);
  }
}

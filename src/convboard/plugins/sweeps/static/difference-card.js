/** The difference of two confusion matrices, beside them. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { ConfusionView } from "./confusion-view.js";
import { accuracyOf, differenceOf, pointsText } from "./confusion.js";
import { settingColour } from "./setting-colours.js";

export class DifferenceCard {
  #difference = null;
  #names = [];

  /** @param {(cell: ?{row: number, column: number}) => void} point Called as the pointer moves. */
  constructor(point) {
    this.view = new ConfusionView(point);
    this.title = el("h3", {});
    this.about = el("p", { class: "quiet about" });
    this.body = el("div", { class: "body" });
    this.node = el("article", { class: "inside-card of-two" }, el("header", {}, this.title, this.about), this.body);
  }

  /**
   * @param {import("./confusion.js").Confusion[]} pair
   * @param {import("./inside-loader.js").Cell[]} cells Of the two.
   * @param {{theme: "light"|"dark", width: number, height: number}} how
   */
  draw([first, second], cells, how) {
    this.#difference = differenceOf(first, second);
    this.#names = second.names;
    const [a, b] = cells.map(({ index }) =>
      el("i", { class: "swatch", style: { background: settingColour(index, how.theme) } }),
    );
    this.title.replaceChildren(el("span", { class: "name" }, "Difference: ", b, " less ", a));
    if (!this.#difference) {
      this.said = "";
      this.body.replaceChildren(el("p", { class: "notice" }, "The two runs have different classes."));
      return;
    }
    const values = this.#difference.map((share) => 100 * share);
    const largest = largestMagnitude(values);
    this.said = `${pointsText(accuracyOf(second) - accuracyOf(first)) || "0"} points right`;
    this.about.replaceChildren(this.said, scaleBar(largest, true, how.theme));
    this.view.draw({ values, largest, names: this.#names, textOf: (i) => pointsText(values[i] / 100) }, how);
    this.body.replaceChildren(this.view.node);
  }

  /** Frame a cell, and say what is there; null: none. */
  mark(cell) {
    if (!this.#difference || !this.node.isConnected) return;
    this.view.mark(cell);
    const bar = this.about.querySelector(".scale");
    this.about.replaceChildren(cell ? el("b", {}, this.#textOf(cell)) : this.said, ...(bar ? [bar] : []));
  }

  #textOf({ row, column }) {
    const points = pointsText(this.#difference[row * this.#names.length + column]) || "0";
    return `${this.#names[row]} as ${this.#names[column]}: ${points} points`;
  }
}

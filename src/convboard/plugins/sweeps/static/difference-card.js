/** The difference of two confusion matrices, beside them. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { AboutLine } from "./about-line.js";
import { ConfusionView } from "./confusion-view.js";
import { accuracyOf, differenceOf, pointsText } from "./confusion.js";
import { settingColour } from "./setting-colours.js";
import { settingName } from "./words.js";

export class DifferenceCard {
  #difference = null;
  #names = [];

  /** @param {(cell: ?{row: number, column: number}) => void} point Called as the pointer moves. */
  constructor(point) {
    this.view = new ConfusionView(point);
    this.title = el("h3", {});
    this.about = new AboutLine();
    this.body = el("div", { class: "body" });
    this.node = el(
      "article",
      { class: "inside-card of-two" },
      el("header", {}, this.title, this.about.node),
      this.body,
    );
  }

  /**
   * @param {import("./confusion.js").Confusion[]} pair
   * @param {import("./inside-loader.js").Cell[]} cells Of the two.
   * @param {{table: Object, theme: "light"|"dark", width: number, height: number}} how
   */
  draw([first, second], cells, how) {
    this.#difference = differenceOf(first, second);
    this.#names = second.names;
    const [a, b] = nameApart(cells, how.table.keys).map((name, i) => [
      el("i", { class: "swatch", style: { background: settingColour(cells[i].index, how.theme) } }),
      ` ${name}`,
    ]);
    this.title.replaceChildren(el("span", { class: "name" }, b, el("span", { class: "quiet" }, " less "), a));
    if (!this.#difference) {
      this.about.say();
      this.body.replaceChildren(el("p", { class: "notice" }, "The two runs have different classes."));
      return;
    }
    const values = this.#difference.map((share) => 100 * share);
    const largest = largestMagnitude(values);
    const right = pointsText(accuracyOf(second) - accuracyOf(first)) || "0";
    this.about.say(
      `${right} points right`,
      el("span", { class: "scale-unit" }, "points"),
      scaleBar(largest, true, how.theme),
    );
    this.view.draw({ values, largest, names: this.#names, textOf: (i) => pointsText(values[i] / 100) }, how);
    this.body.replaceChildren(this.view.node);
  }

  /** Frame a cell, and say what is there; null: none. */
  mark(cell) {
    if (!this.#difference || !this.node.isConnected) return;
    this.view.mark(cell);
    this.about.showPlace(cell ? this.#textOf(cell) : "");
  }

  #textOf({ row, column }) {
    const points = pointsText(this.#difference[row * this.#names.length + column]) || "0";
    return `${this.#names[row]} as ${this.#names[column]}: ${points} points`;
  }
}

/** Names of two runs: by the keys in which their settings differ, else by their seeds. */
function nameApart(cells, keys) {
  const [first, second] = cells.map(({ setting }) => setting.values);
  const differing = keys.filter((key) => first[key] !== second[key]);
  return cells.map(({ setting, run }) => (differing.length ? settingName(setting, differing) : `seed ${run.seed}`));
}

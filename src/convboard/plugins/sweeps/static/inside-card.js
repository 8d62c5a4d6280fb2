/** A run in the view Inside: which one it is, and its picture. */

import { el, redraw } from "../../shared/static/dom.js";
import { size } from "../../shared/static/format.js";
import { KernelsView } from "../../shared/static/kernels-view.js";
import { MapsView } from "../../shared/static/maps-view.js";
import { MatrixView } from "../../shared/static/matrix-view.js";
import { photo } from "../../shared/static/photo.js";
import { AboutLine } from "./about-line.js";
import { ConfusionView } from "./confusion-view.js";
import { layersWith } from "./inside-choice.js";
import { aboutParts, placeText } from "./inside-words.js";
import { layersLink } from "./layers-link.js";
import { settingColour } from "./setting-colours.js";
import { metric, settingName } from "./words.js";

const PHOTO = 22; // pixels

export class InsideCard {
  #shown = null; // what is drawn, see `draw`

  /**
   * @param {(place: ?Object) => void} point Called as the pointer moves over the picture, with a unit, weight or cell.
   * @param {(layer: string) => void} chooseLayer
   */
  constructor(point, chooseLayer) {
    this.chooseLayer = chooseLayer;
    const [maps, kernels, matrix] = [new MapsView(point, () => null), new KernelsView(point), new MatrixView(point)];
    this.views = { maps, kernels, matrix, confusion: new ConfusionView(point) };
    this.title = el("h3", {});
    this.about = new AboutLine();
    this.body = el("div", { class: "body" });
    this.node = el("article", { class: "inside-card" }, el("header", {}, this.title, this.about.node), this.body);
  }

  /**
   * @param {import("./inside-loader.js").Cell} cell
   * @param {?import("./inside-shown.js").Shown} shown Null where there is a problem.
   * @param {Object} how `table`, `theme`, `largest`, `width`, `height`, `isInColour`; `image`, the chosen one; and
   *     what `aboutParts` needs.
   */
  draw(cell, shown, how) {
    this.#shown = shown;
    this.node.dataset.run = cell.run.run;
    redraw(this.title, titleOf(cell, how));
    if (!shown) {
      this.about.say();
      redraw(this.body, problemOf(cell, how.shows, this.chooseLayer));
      return;
    }
    this.about.say(aboutParts(cell, shown, how).join(" · "), ...otherPhoto(cell, how));
    const view = this.views[shown.kind];
    if (shown.kind === "confusion") view.draw(matrixOf(shown.of), how);
    else view.draw(shown.of, { dead: cell.numbers.facts.dead ?? [], noun: "kernel", ...how });
    if (view.node.parentNode !== this.body) this.body.replaceChildren(view.node);
  }

  /** Frame a place in the picture, and say what is there; null: none. */
  mark(place) {
    const text = this.#shown && place ? placeText(this.#shown, place) : "";
    this.about.showPlace(text);
    if (!this.#shown) return;
    const { kind } = this.#shown;
    const there = text ? place : null;
    if (kind === "maps") this.views.maps.mark(there, null);
    else if (kind === "confusion") this.views.confusion.mark(there);
    else this.views[kind].markWeight(there);
  }
}

function titleOf({ setting, index, run, layer, picture }, { table, theme, image }) {
  const seed = run.seed === null || setting.runs.length < 2 ? "" : ` seed ${run.seed}`;
  return [
    el("i", { class: "swatch", style: { background: settingColour(index, theme) } }),
    el(
      "span",
      { class: "name", title: run.run },
      settingName(setting, table.keys),
      el("span", { class: "quiet" }, seed),
    ),
    run.value === null
      ? el("b", { class: `state-word is-${run.state}`, title: run.reason }, run.state)
      : el("b", { title: `${table.objective} of its best epoch` }, metric(table.objective, run.value)),
    layersLink(run.run, "Layers", { layer, step: picture?.step ?? null, image }),
  ];
}

/** The probe image, where it is another one than that of the first run. */
function otherPhoto({ probe, first }, { image }) {
  if (!first) return [];
  const [sides, others] = [probe, first].map(({ arrays }) => size(arrays.images.shape.slice(2)));
  const said = sides === others ? "its own image: " : `its image, ${sides}: `;
  return [el("span", { class: "other" }, said, photo(probe.arrays.images, image, PHOTO))];
}

function problemOf({ problem, inside, run }, shows, chooseLayer) {
  const isDrawable = run.value !== null && !Object.keys(inside.pictures).length;
  const layers = layersWith(inside, shows);
  const button = ({ name }) =>
    el("button", { type: "button", class: "plain", "data-focus": name, onclick: () => chooseLayer(name) }, name);
  return [
    el("p", { class: "notice" }, problem),
    ...(layers.length ? [el("p", { class: "quiet own-layers" }, "It has ", layers.map(button))] : []),
    ...(isDrawable ? [el("p", { class: "quiet" }, "This draws them:"), el("pre", {}, inside.command)] : []),
  ];
}

const matrixOf = ({ counts, shares, names }) => ({
  values: shares.map(Math.sqrt), // so that rare confusions are seen
  largest: 1,
  names,
  textOf: (i) => (counts[i] ? String(counts[i]) : ""),
});

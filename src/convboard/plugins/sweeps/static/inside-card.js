/** A run in the view Inside: which one it is, and its picture. */

import { el } from "../../shared/static/dom.js";
import { plural, size, value } from "../../shared/static/format.js";
import { KernelsView } from "../../shared/static/kernels-view.js";
import { MapsView } from "../../shared/static/maps-view.js";
import { MatrixView } from "../../shared/static/matrix-view.js";
import { photo } from "../../shared/static/photo.js";
import { ConfusionView } from "./confusion-view.js";
import { accuracyOf, cellText } from "./confusion.js";
import { settingColour } from "./setting-colours.js";
import { layersLink } from "./table-cells.js";
import { metric, settingName } from "./words.js";

const PHOTO = 22; // pixels

export class InsideCard {
  #shown = null; // what is drawn, see `draw`

  /** @param {(place: ?Object) => void} point Called as the pointer moves over a picture, with a unit or a cell. */
  constructor(point) {
    this.views = {
      maps: new MapsView(point, () => null),
      kernels: new KernelsView(),
      matrix: new MatrixView(),
      confusion: new ConfusionView(point),
    };
    this.title = el("h3", {});
    this.about = el("p", { class: "quiet about" });
    this.body = el("div", { class: "body" });
    this.node = el("article", { class: "inside-card" }, el("header", {}, this.title, this.about), this.body);
  }

  /**
   * @param {import("./inside-loader.js").Cell} cell
   * @param {{kind: "maps"|"kernels"|"matrix"|"confusion", of: Object}} shown What is drawn: maps, weights, or a
   *     confusion matrix; see `shownOf` in inside-view.js. Null where there is a problem.
   * @param {Object} how `table`, `theme`, `largest`, `width`, `height`, and for a confusion matrix `textOf`.
   */
  draw(cell, shown, how) {
    this.#shown = shown;
    this.node.dataset.run = cell.run.run;
    this.title.replaceChildren(...titleOf(cell, how));
    this.said = aboutOf(cell, shown);
    this.about.replaceChildren(...this.said, ...otherPhoto(cell, how));
    if (!shown) {
      this.body.replaceChildren(...problemOf(cell));
      return;
    }
    const view = this.views[shown.kind];
    if (shown.kind === "confusion") view.draw(matrixOf(shown.of), how);
    else view.draw(shown.of, { dead: cell.numbers.facts.dead ?? [], noun: "kernel", ...how });
    if (view.node.parentNode !== this.body || this.body.children.length > 1) this.body.replaceChildren(view.node);
  }

  /** Frame a place in the picture, and say what is there; null: none. */
  mark(place) {
    if (!this.#shown || !["maps", "confusion"].includes(this.#shown.kind)) return;
    const text = place && placeText(this.#shown, place);
    if (this.#shown.kind === "maps") this.views.maps.mark(text ? place : null, null);
    else this.views.confusion.mark(text ? place : null);
    if (text) this.about.replaceChildren(el("b", {}, text));
    else this.about.replaceChildren(...this.said);
  }
}

function titleOf({ setting, index, run }, { table, theme }) {
  const name = settingName(setting, table.keys);
  const seed =
    run.seed === null || setting.runs.length < 2 ? null : el("span", { class: "quiet" }, ` seed ${run.seed}`);
  return [
    el("i", { class: "swatch", style: { background: settingColour(index, theme) } }),
    el("span", { class: "name", title: run.run }, name, seed),
    el("b", {}, metric(table.objective, run.value)),
    layersLink(run.run),
  ].filter(Boolean);
}

function aboutOf({ epoch }, shown) {
  if (!shown) return [];
  const at = epoch === 0 ? "untrained" : `epoch ${epoch}`;
  return [[at, ...whatOf(shown)].join(" · ")];
}

function whatOf({ kind, of, largest }) {
  if (kind === "confusion") return [`${(100 * accuracyOf(of)).toFixed(2)} % right`];
  const strongest = Number.isNaN(largest) ? "nothing finite" : largest === 0 ? "all zero" : `up to ${value(largest)}`;
  if (kind === "maps") return [`${plural(of.channels, "map")} of ${size([of.height, of.width])}`, strongest];
  const [filters, ...sides] = of.shape;
  return [`${plural(filters, kind === "matrix" ? "unit" : "kernel")} of ${size(sides)}`, strongest];
}

/** The probe image, where it is another one than that of the first run. */
function otherPhoto({ probe, isOther }, { image }) {
  return isOther ? [el("span", { class: "other" }, "its own image: ", photo(probe.arrays.images, image, PHOTO))] : [];
}

function problemOf({ problem, inside, run }) {
  const isDrawable = run.value !== null && !Object.keys(inside.pictures).length;
  return [
    el("p", { class: "notice" }, problem),
    ...(isDrawable ? [el("p", { class: "quiet" }, "This draws them:"), el("pre", {}, inside.command)] : []),
  ];
}

const matrixOf = ({ counts, shares, names }) => ({
  values: shares.map(Math.sqrt), // so that rare confusions are seen
  largest: 1,
  names,
  textOf: (i) => (counts[i] ? String(counts[i]) : ""),
});

/** What is at a place, in words; nothing where a picture has no such place. */
function placeText({ kind, of }, place) {
  if (kind === "confusion") return place.row < of.classes ? cellText(of, place.row, place.column) : "";
  const { channel, row, column } = place;
  if (channel >= of.channels || row >= of.height || column >= of.width) return "";
  return `map ${channel}, (${row}, ${column}): ${value(of.data[(channel * of.height + row) * of.width + column])}`;
}

/** Inside: the feature maps, kernels or confusion matrices of several runs beside each other, on one colour scale. */

import { cssColour } from "../../shared/static/colours.js";
import { el, oncePerFrame } from "../../shared/static/dom.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { DifferenceCard } from "./difference-card.js";
import { InsideCard } from "./inside-card.js";
import { isSameImage } from "./inside-choice.js";
import { insideControls } from "./inside-controls.js";
import { columnsFor, columnsForSquares, sharedScale, shownOf } from "./inside-shown.js";

const VIEW = "inside";
const AGAIN_MS = 10_000; // from reading pictures to asking for new ones
const LOADED_BY = ["view", "folder", "table", "picked", "matching", "shows", "layer", "epoch", "seeds"];
const DRAWN_BY = ["inside", "insideProblem", "image", "view", "theme", "width", "height", "run"];
const GAP = 1; // pixels between runs
const PADDING = 28; // left and right of a picture
const HEAD = 62; // pixels of a run above its picture
const LOWEST = 200; // pixels of a picture

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js` and `inside-actions.js`.
 */
export function insideView(store, actions) {
  const view = new InsideView(store, actions);
  const refresh = () => isShown(store.get()) && actions.refreshInside();
  store.subscribe(["folder"], () => store.set({ inside: null, insideProblem: "" }));
  store.subscribe(LOADED_BY, refresh);
  setInterval(() => {
    if (document.hidden || store.get().isGone || store.get().playing) return;
    actions.forgetInside();
    refresh();
  }, AGAIN_MS);
  return view.node;
}

const isShown = ({ view, table }) => view === VIEW && Boolean(table);

class InsideView {
  #cards = []; // InsideCard, made as they are needed
  #place = null; // what is pointed at in one of the pictures

  constructor(store, actions) {
    this.store = store;
    this.heading = el("div", { class: "inside-heading" });
    this.grid = el("div", { class: "inside-cards" });
    this.message = el("div", { class: "inside-message", role: "status", hidden: true });
    this.scroller = el("div", { class: "inside-scroll" }, this.grid, this.message);
    const parts = [insideControls(store, actions), this.heading, this.scroller];
    this.node = el("section", { class: "view inside-view", "aria-label": "Inside, side by side" }, parts);
    this.point = (place) => this.#mark(place);
    this.difference = new DifferenceCard(this.point);
    const draw = oncePerFrame(() => this.#draw());
    store.subscribe(DRAWN_BY, draw);
    new ResizeObserver(draw).observe(this.scroller);
  }

  #draw() {
    const state = this.store.get();
    if (!isShown(state)) return;
    const { inside, image } = state;
    const problem = messageOf(state);
    this.message.hidden = !problem.length;
    this.message.replaceChildren(...problem);
    this.grid.hidden = this.heading.hidden = problem.length > 0;
    if (problem.length) return;
    const shown = inside.cells.map((cell) => shownOf(cell, inside.shows, image));
    const scale = sharedScale(inside.shows === "confusion" ? [] : shown);
    const activation = commonActivation(shown);
    this.heading.replaceChildren(...headingOf(inside, { shown, scale, activation, theme: state.theme }));
    this.#drawCards(state, shown, { activation, largest: scale.largest });
  }

  #drawCards(state, shown, look) {
    const { inside, image } = state;
    const { cells } = inside;
    const pair = pairOf(inside, shown);
    while (this.#cards.length < cells.length)
      this.#cards.push(new InsideCard(this.point, (layer) => this.store.set({ layer })));
    const cards = this.#cards.slice(0, cells.length);
    const nodes = [...cards, ...(pair ? [this.difference] : [])].map(({ node }) => node);
    const how = {
      ...state,
      ...inside,
      ...look,
      ...this.#room(inside.shows, nodes.length),
      isInColour: isInColour(inside, shown),
    };
    const first = cells.find(({ probe }) => probe);
    cards.forEach((card, i) => card.draw(withImage(cells[i], first, image), shown[i], how));
    if (pair) this.difference.draw(pair, cells, how);
    const isSame = nodes.length === this.grid.children.length && nodes.every((node) => node.parentNode === this.grid);
    if (!isSame) this.grid.replaceChildren(...nodes); // what has the focus would lose it
    this.#mark(this.#place);
  }

  /** Arrange so many cards, and give the pixels that there are for the picture of each. */
  #room(shows, count) {
    const { clientWidth: across, clientHeight: down } = this.scroller;
    const areSquares = shows === "confusion";
    const columns = areSquares ? columnsForSquares(count, across, down, HEAD) : columnsFor(count, across);
    this.grid.style.setProperty("--columns", columns);
    return {
      width: Math.floor((across - GAP * (columns - 1)) / columns) - PADDING,
      height: Math.max(LOWEST, Math.floor(down / Math.ceil(count / columns)) - HEAD),
    };
  }

  /** Frame the same place in all pictures. */
  #mark(place) {
    this.#place = place;
    for (const card of this.#cards) card.mark(place);
    this.difference.mark(place);
  }
}

/** The two confusion matrices whose difference is shown; null where there are not exactly two. */
function pairOf({ shows, cells }, shown) {
  return shows === "confusion" && cells.length === 2 && shown.every(Boolean) ? shown.map(({ of }) => of) : null;
}

/** Whether kernels are over red, green and blue: those of the first layer, if the image has these channels. */
const isInColour = ({ shows, layers, layer }, shown) =>
  shows === "kernels" && layer === layers[0]?.name && shown.every((one) => !one || one.of.shape[1] === 3);

/** The activation after which all runs have their maps; empty where they differ. */
function commonActivation(shown) {
  const found = new Set(shown.filter(Boolean).map(({ activation }) => activation ?? ""));
  return found.size === 1 ? [...found][0] : "";
}

/** A cell, with the first one that has probe images if the chosen image of that is another one. */
function withImage(cell, first, image) {
  const isOther = Boolean(cell.probe) && !isSameImage(first.probe, cell.probe, image);
  const problem = cell.problem || (cell.numbers ? "Its pictures hold no maps of this probe image." : "");
  return { ...cell, first: isOther ? first.probe : null, problem };
}

const TITLES = { maps: "Feature maps", kernels: "Weights", confusion: "Confusion matrices of the validation split" };

function headingOf({ shows, cells, layer, left }, { shown, scale, activation, theme }) {
  const more = [
    activation && `after ${activation}`,
    shows === "confusion" && cells.length !== 2 ? "pick two settings to see their difference" : "",
    left ? `the first ${cells.length} of ${cells.length + left} runs` : "",
  ].filter(Boolean);
  const title = layer === null ? TITLES[shows] : `${TITLES[shows]} of ${layer}`;
  const legend = shows === "confusion" ? shareLegend(theme) : scaleLegend(scale, shown, theme);
  return [
    el("h2", {}, title),
    el("span", { class: "quiet" }, more.join(" · ")),
    ...(shown.some(Boolean) ? legend : []),
  ];
}

const said = (text) => el("span", { class: "quiet" }, text);

function scaleLegend({ largest, isSigned, beyond }, shown, theme) {
  const { ground } = cssColour(theme, NaN, 1);
  const mark = el("i", { class: "swatch", style: { background: ground } });
  return [
    shown.some((one) => one?.notFinite) ? el("span", { class: "quiet" }, mark, " not finite") : "",
    said(`one scale for all runs${beyond ? `; ${beyond} ${beyond > 1 ? "are" : "is"} far beyond it` : ""}`),
    scaleBar(largest, isSigned, theme, beyond > 0),
  ];
}

const shareLegend = (theme) => [said("share of the true class"), shareBar(theme)];

/** The colours of shares, on a scale of square roots. */
function shareBar(theme) {
  const shares = [0, 0.01, 0.05, 0.2, 0.5, 1];
  const swatches = shares.map((share) => {
    const { ground, text } = cssColour(theme, Math.sqrt(share), 1);
    return el("span", { style: { background: ground, color: text } }, `${100 * share} %`);
  });
  return el("div", { class: "share-bar" }, swatches);
}

/** What is said in place of the pictures: nothing where there are some. */
function messageOf({ inside, insideProblem }) {
  if (insideProblem) return [el("p", {}, insideProblem)];
  if (!inside) return [el("p", { class: "quiet" }, "Reading the pictures …")];
  if (inside.cells.length) return [];
  if (inside.isPictured) return [el("p", {}, "No run that passes the filters has pictures.")];
  return [
    el("h2", {}, "These runs have no pictures"),
    el(
      "p",
      {},
      "They were trained with board=minimal, as sweeps of many runs are, or have not reached their first ones.",
    ),
    el("p", {}, "This draws those of the best runs, from their checkpoints:"),
    el("pre", {}, inside.command),
  ];
}

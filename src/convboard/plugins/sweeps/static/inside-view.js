/** Inside: the feature maps, kernels or confusion matrices of several runs beside each other, on one colour scale. */

import { cssColour } from "../../shared/static/colours.js";
import { el, oncePerFrame } from "../../shared/static/dom.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { confusionOf } from "./confusion.js";
import { DifferenceCard } from "./difference-card.js";
import { InsideCard } from "./inside-card.js";
import { isSameImage } from "./inside-choice.js";
import { insideControls } from "./inside-controls.js";
import { columnsFor, columnsForSquares, mapsOf, sharedScale } from "./inside-scale.js";

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
  #shown = []; // of each cell what is drawn

  constructor(store, actions) {
    this.store = store;
    this.heading = el("div", { class: "inside-heading" });
    this.grid = el("div", { class: "inside-cards" });
    this.message = el("div", { class: "inside-message", role: "status", hidden: true });
    this.scroller = el("div", { class: "inside-scroll" }, this.grid, this.message);
    const parts = [insideControls(store, actions), this.heading, this.scroller];
    this.node = el("section", { class: "view inside-view", "aria-label": "Inside, side by side" }, parts);
    this.difference = new DifferenceCard((place) => this.#mark(place));
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
    this.#shown = inside.cells.map((cell) => shownOf(cell, inside.shows, image));
    const numbers = this.#shown.map((shown) => (shown?.kind === "confusion" ? null : shown?.of));
    const scale = sharedScale(numbers, inside.shows === "maps");
    this.heading.replaceChildren(...headingOf(inside, this.#shown, scale, state.theme));
    this.#drawCards(state, scale);
  }

  #drawCards(state, { largest }) {
    const { inside, theme, table, image } = state;
    const pair = pairOf(inside, this.#shown);
    const count = inside.cells.length + (pair ? 1 : 0);
    const { clientWidth: across, clientHeight: down } = this.scroller;
    const areSquares = inside.shows === "confusion";
    const columns = areSquares ? columnsForSquares(count, across, down, HEAD) : columnsFor(count, across);
    const lines = Math.ceil(count / columns);
    const width = Math.floor((across - GAP * (columns - 1)) / columns) - PADDING;
    const height = Math.max(LOWEST, Math.floor(down / lines) - HEAD);
    this.grid.style.setProperty("--columns", columns);
    while (this.#cards.length < inside.cells.length) this.#cards.push(new InsideCard((place) => this.#mark(place)));
    const first = inside.cells.find(({ probe }) => probe);
    const how = { table, theme, largest, width, height, image, isInColour: isInColour(inside, this.#shown) };
    const cards = this.#cards.slice(0, inside.cells.length);
    cards.forEach((card, i) => card.draw(withImage(inside.cells[i], first, image), this.#shown[i], how));
    if (pair) this.difference.draw(pair, inside.cells, how);
    this.grid.replaceChildren(...cards.map(({ node }) => node), ...(pair ? [this.difference.node] : []));
  }

  /** Frame the same place in all pictures. */
  #mark(place) {
    for (const card of this.#cards) card.mark(place);
    this.difference.mark(place);
  }
}

/** What is drawn of a run: its maps, weights or confusion matrix; null where it has none. */
function shownOf({ numbers }, shows, image) {
  if (!numbers) return null;
  if (shows === "confusion") return { kind: "confusion", of: confusionOf(numbers) };
  if (shows === "kernels") {
    const { weight } = numbers.arrays;
    const kind = weight.shape.length === 2 ? "matrix" : "kernels";
    return { kind, of: weight, largest: sharedScale([weight], false).largest };
  }
  const maps = mapsOf(numbers, image);
  return maps && { kind: "maps", of: maps, largest: sharedScale([maps], true).largest };
}

/** The two confusion matrices whose difference is shown; null where there are not exactly two. */
function pairOf({ shows, cells }, shown) {
  return shows === "confusion" && cells.length === 2 && shown.every(Boolean) ? shown.map(({ of }) => of) : null;
}

/** Whether kernels are over red, green and blue: those of the first layer, if the image has these channels. */
const isInColour = ({ shows, layers, layer }, shown) =>
  shows === "kernels" && layer === layers[0] && shown.every((one) => !one || one.of.shape[1] === 3);

function withImage(cell, first, image) {
  const isOther = Boolean(cell.probe) && !isSameImage(first.probe, cell.probe, image);
  const problem = cell.problem || (cell.numbers ? "Its pictures hold no maps of this probe image." : "");
  return { ...cell, isOther, problem };
}

const TITLES = { maps: "Feature maps", kernels: "Weights", confusion: "Confusion matrices of the validation split" };

function headingOf({ shows, cells, layer, left }, shown, { largest, isSigned }, theme) {
  const known = cells.filter(({ numbers }) => numbers?.facts.activation);
  const activations = new Set(known.map(({ numbers }) => activationName(numbers.facts.activation)));
  const [activation] = activations;
  const after = shows === "maps" && activations.size === 1 && activation ? `after ${activation}` : "";
  const more = [after, left ? `the first ${cells.length} of ${cells.length + left} runs` : ""].filter(Boolean);
  const title = layer === null ? TITLES[shows] : `${TITLES[shows]} of ${layer}`;
  const bar = shown.some(Boolean) && (shows === "confusion" ? shareBar(theme) : scaleBar(largest, isSigned, theme));
  return [
    el("h2", {}, title),
    el("span", { class: "quiet" }, more.join(" · ")),
    bar
      ? el(
          "span",
          { class: "quiet scale-label" },
          shows === "confusion" ? "share of the true class" : "one scale for all runs",
        )
      : null,
    bar || null,
  ].filter(Boolean);
}

/** The module and the function of the same name are one activation. */
const activationName = (name) => (/^relu$/i.test(name) ? "ReLU" : name);

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

/** The network from the image to the scores: a card for each row, one of which is chosen. */

import { el, svg } from "../../shared/static/dom.js";
import { size, whole } from "../../shared/static/format.js";
import { layoutNetwork } from "./layout.js";
import { slab } from "./slab.js";

const WIDE = { alone: 308, main: 170, side: 132 }; // pixels of a card
const NARROW = { alone: 212, main: 134, side: 132 }; // in a narrow window
const NARROW_BELOW = 1180; // pixels of the window
const NAMES_ALONE = 140; // pixels of a card that has no room for the type
const BESIDE = 24; // pixels of the panel beside the cards
const SLAB = { main: 46, side: 42 }; // pixels of width, the same scale in both

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store Reads `record`, `layer` and `findings`.
 * @param {(layer: string) => void} choose
 * @returns {HTMLElement}
 */
export function networkPanel(store, choose) {
  const list = el("div", {
    class: "cards",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Layers, in the order of the calls",
  });
  const title = el("h2", {}, "Network");
  const facts = el("span", { class: "quiet" });
  const panel = el("nav", { class: "panel network", "aria-label": "Network" }, el("header", {}, title, facts), list);
  let cards = new Map(); // by the layer's name
  let drawn = {};

  const draw = ({ record, width }) => {
    const widths = width && width < NARROW_BELOW ? NARROW : WIDE;
    if (record === drawn.record && widths === drawn.widths) return;
    drawn = { record, widths };
    if (!record) {
      cards = new Map();
      list.replaceChildren();
      return;
    }
    const parameters = record.rows.reduce((sum, row) => sum + (row.parameters ?? 0), 0);
    title.textContent = record.name;
    facts.textContent = `${whole(parameters)} parameters`;
    const plan = layoutNetwork(record, widths);
    panel.style.width = `${plan.width + BESIDE}px`;
    cards = cardsOf(plan, record, choose);
    list.replaceChildren(canvasOf(plan), ...cards.values());
    markChosen(list, cards, store.get());
    markFindings(cards, store.get());
  };
  store.subscribe(["record", "width"], draw);
  store.subscribe(["layer"], (state) => markChosen(list, cards, state));
  store.subscribe(["findings"], (state) => markFindings(cards, state));
  return panel;
}

/** A card for each row of the record, by the row's name. */
function cardsOf(plan, record, choose) {
  const sides = record.rows.flatMap(({ output_shape: shape }) => (shape.length === 3 ? shape.slice(1) : [1]));
  const largest = Math.max(...sides);
  return new Map(plan.cards.map((card) => [card.row.name, cardNode(card, largest, choose)]));
}

function markChosen(list, cards, { layer }) {
  for (const [name, card] of cards) card.setAttribute("aria-selected", name === layer);
  const chosen = cards.get(layer);
  if (!chosen) return;
  list.setAttribute("aria-activedescendant", chosen.id);
  // In the next frame: on the first one the panels have no size yet.
  requestAnimationFrame(() => intoView(list, chosen));
}

function markFindings(cards, { findings }) {
  for (const [name, card] of cards) {
    card.querySelector(".badge")?.remove();
    const finding = findings?.get(name)?.[0];
    if (finding) card.append(el("span", { class: "badge", title: finding.sentence }, finding.word));
  }
}

/** Edges and the names of blocks, below the cards. */
function canvasOf(plan) {
  const ground = svg("svg", { class: "edges", width: plan.width, height: plan.height, "aria-hidden": "true" });
  for (const { path, isSkip } of plan.edges) ground.append(svg("path", { d: path, class: isSkip ? "skip" : "edge" }));
  for (const { text, y } of plan.headings) ground.append(svg("text", { x: 44, y: y + 14, class: "block" }, text));
  return ground;
}

function cardNode({ row, label, x, y, width, height, isLarge, isSide }, largest, choose) {
  const shape = size(row.output_shape);
  const words = row.kind === "input" ? "the image" : row.type;
  const kinds = [
    "card",
    isLarge ? "large" : "small",
    row.kind,
    isSide ? "beside" : "",
    width < NAMES_ALONE ? "tight" : "",
  ];
  const name = el("b", { title: row.name }, label);
  const quiet = (text) => el("span", { class: "quiet" }, text);
  const type = isSide ? null : quiet(isLarge ? words : smallText(row, label));
  const content = isLarge
    ? [
        slab(row.output_shape, SLAB[isSide ? "side" : "main"], height - 2, largest),
        el("span", { class: "words" }, el("span", { class: "first" }, name, type), quiet(shape)),
      ]
    : [el("span", { class: "dot" }), name, type];
  const attributes = {
    id: `card-${row.name}`,
    class: kinds.filter(Boolean).join(" "),
    role: "option",
    "aria-selected": "false",
    "aria-label": `${row.name}, ${words}, ${shape}`,
    "data-layer": row.name,
    title: `${row.name} · ${words} · ${shape}`,
    style: { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` },
    onclick: () => choose(row.name),
  };
  return el("div", attributes, content);
}

/** Small cards have room for one thing: the shape where it changes, else the type. */
function smallText(row, label) {
  const shape = size(row.output_shape);
  return size(row.input_shape) !== shape || row.type === label ? shape : row.type;
}

/** Scroll the list alone, never the page, and only as far as it takes. */
function intoView(list, node) {
  const margin = 40;
  const top = node.offsetTop - margin;
  const bottom = node.offsetTop + node.offsetHeight + margin;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

/** The network from the image to the scores: a card for each row, one of which is chosen. */

import { el, svg } from "../../shared/static/dom.js";
import { size, whole } from "../../shared/static/format.js";
import { blockCard, blockHeading, depthBar } from "./block-cards.js";
import { nodesOf } from "./blocks.js";
import { layoutNetwork } from "./layout.js";
import { graphOf } from "./record.js";
import { slab } from "./slab.js";

const WIDE = { alone: 308, main: 170, side: 132 }; // pixels of a card
const NARROW = { alone: 212, main: 134, side: 132 }; // in a narrow window
const NARROW_BELOW = 1180; // pixels of the window
const NAMES_ALONE = 140; // pixels of a card that has no room for the type
const STEADY = 340; // pixels of the widest network that the panel has always room for
const BESIDE = 24; // pixels of the panel beside the cards
const SLAB = { main: 46, side: 42 }; // pixels of width, the same scale in both

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`: `chooseLayer`, `toggleBlock`, `chooseDepth`.
 * @returns {HTMLElement}
 */
export function networkPanel(store, actions) {
  const list = el("div", {
    class: "cards",
    role: "tree",
    tabindex: "0",
    "aria-label": "Layers, in the order of the calls",
  });
  const title = el("h2", {}, "Network");
  const facts = el("span", { class: "quiet" });
  const depth = depthBar(store, actions.chooseDepth);
  const header = el("header", {}, title, facts);
  const panel = el("nav", { class: "panel network", "aria-label": "Network" }, header, depth, list);
  let drawn = { cards: new Map() };

  const draw = ({ record, width, collapsed }) => {
    const widths = width && width < NARROW_BELOW ? NARROW : WIDE;
    if (record === drawn.record && widths === drawn.widths && collapsed === drawn.collapsed) return;
    const isOther = record !== drawn.record;
    drawn = { record, widths, collapsed, cards: new Map(), headings: new Map() };
    if (!record) {
      list.replaceChildren();
      return;
    }
    title.textContent = record.name;
    facts.textContent = `${whole(record.parameters)} parameters`;
    const plan = planOf(record, collapsed, widths);
    panel.style.width = `${plan.panelWidth + BESIDE}px`;
    drawn.cards = cardsOf(plan, record, actions);
    const headings = plan.headings.map((heading) => blockHeading(heading, record.blocks, actions.toggleBlock));
    list.replaceChildren(canvasOf(plan), ...headings, ...drawn.cards.values());
    markChosen(list, drawn.cards, store.get());
    const isCollapsed = drawn.cards.get(store.get().layer)?.dataset.block;
    if (isOther || isCollapsed) showChosen(list);
    markFindings(drawn.cards, store.get());
  };
  store.subscribe(["record", "width", "collapsed"], draw);
  store.subscribe(["layer"], (state) => {
    markChosen(list, drawn.cards, state);
    showChosen(list);
  });
  store.subscribe(["findings"], (state) => markFindings(drawn.cards, state));
  return panel;
}

/**
 * The cards and edges, and the width of the panel: if it has room for the whole network, it stays the same whatever is
 * collapsed.
 */
function planOf(record, collapsed, widths) {
  const least = Math.max(widths.alone, Math.min(layoutNetwork(record, widths).width, STEADY));
  const plan = layoutNetwork(graphOf(nodesOf(record, collapsed)), { ...widths, alone: least });
  return { ...plan, panelWidth: Math.max(plan.width, least) };
}

/** A card for each node of the graph, by the names of the rows that it stands for. */
function cardsOf(plan, record, { chooseLayer, toggleBlock }) {
  const sides = record.rows.flatMap(({ output_shape: shape }) => (shape.length === 3 ? shape.slice(1) : [1]));
  const largest = Math.max(...sides);
  const cards = new Map();
  for (const card of plan.cards) {
    const { block, members } = card.row;
    const node = block ? blockCard(card, largest, toggleBlock) : cardNode(card, largest, chooseLayer);
    for (const name of members) cards.set(name, node);
  }
  return cards;
}

function markChosen(list, cards, { layer }) {
  const chosen = cards.get(layer);
  for (const card of cards.values()) card.setAttribute("aria-selected", card === chosen);
  if (chosen) list.setAttribute("aria-activedescendant", chosen.id);
}

/** In the next frame: on the first one the panels have no size yet. */
function showChosen(list) {
  requestAnimationFrame(() => {
    const chosen = list.querySelector('[aria-selected="true"]');
    if (chosen) intoView(list, chosen);
  });
}

/** A word on each layer with a finding, a dot on a block with such layers. */
function markFindings(cards, { findings }) {
  for (const card of cards.values()) card.querySelector(".badge")?.remove();
  for (const [name, card] of cards) {
    const finding = findings?.get(name)?.[0];
    if (!finding || card.querySelector(".badge")) continue;
    const title = card.dataset.block ? `${name}: ${finding.sentence}` : finding.sentence;
    const badge = el("span", { class: "badge", title }, card.dataset.block ? "" : finding.word);
    (card.querySelector("b.name") ?? card).append(badge);
  }
}

/** Edges, and a line along the cards of each expanded block, below the cards. */
function canvasOf(plan) {
  const ground = svg("svg", { class: "edges", width: plan.width, height: plan.height, "aria-hidden": "true" });
  for (const { x, y, height, bottom, isSide } of plan.headings)
    if (!isSide) ground.append(svg("path", { d: `M${x + 4} ${y + height}V${bottom}`, class: "guide" }));
  for (const { path, isSkip } of plan.edges) ground.append(svg("path", { d: path, class: isSkip ? "skip" : "edge" }));
  return ground;
}

function cardNode({ row, label, x, y, width, height, isLarge, isSide, level }, largest, choose) {
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
    role: "treeitem",
    "aria-level": level + 1,
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
  const right = node.offsetLeft + node.offsetWidth;
  if (node.offsetLeft < list.scrollLeft) list.scrollLeft = node.offsetLeft;
  else if (right > list.scrollLeft + list.clientWidth) list.scrollLeft = right - list.clientWidth;
}

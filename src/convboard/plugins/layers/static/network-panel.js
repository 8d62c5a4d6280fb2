/** The network from the image to the scores: a card a row, one of which is chosen. */

import { el, svg } from "./dom.js";
import { size, whole } from "./format.js";
import { layoutNetwork } from "./layout.js";
import { slab } from "./slab.js";

const WIDE = { alone: 308, main: 170, side: 132 }; // pixels of a card
const NARROW = { alone: 212, main: 134, side: 132 }; // in a narrow window
const NARROW_BELOW = 1180; // pixels of the window
const NAMES_ALONE = 140; // pixels of a card that has no room for the type
const BESIDE = 24; // pixels of the panel beside the cards
const SLAB = { main: 46, side: 42 }; // pixels of width, the same scale in both

/**
 * @param {ReturnType<import("./store.js").createStore>} store Reads `record`, `layer` and `findings`.
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
  const cards = new Map();

  const node = el("nav", { class: "panel network", "aria-label": "Network" }, el("header", {}, title, facts), list);
  let drawn = {};

  const draw = ({ record, width }) => {
    const widths = width && width < NARROW_BELOW ? NARROW : WIDE;
    if (record === drawn.record && widths === drawn.widths) return;
    drawn = { record, widths };
    cards.clear();
    list.replaceChildren();
    if (!record) return;
    title.textContent = record.name;
    const parameters = record.rows.reduce((sum, row) => sum + (row.parameters ?? 0), 0);
    facts.textContent = `${whole(parameters)} parameters`;
    const plan = layoutNetwork(record, widths);
    node.style.width = `${plan.width + BESIDE}px`;
    const largest = Math.max(
      ...record.rows.flatMap(({ output_shape: shape }) => (shape.length === 3 ? shape.slice(1) : [1])),
    );
    list.append(canvasOf(plan));
    for (const card of plan.cards) {
      const node = cardNode(card, largest, choose);
      cards.set(card.row.name, node);
      list.append(node);
    }
    mark(store.get());
    flag(store.get());
  };
  const mark = ({ layer }) => {
    for (const [name, node] of cards) node.setAttribute("aria-selected", name === layer);
    const chosen = cards.get(layer);
    if (!chosen) return;
    list.setAttribute("aria-activedescendant", chosen.id);
    // In the next frame: on the first one the panels have no size yet.
    requestAnimationFrame(() => intoView(list, chosen));
  };
  const flag = ({ findings }) => {
    for (const [name, node] of cards) {
      node.querySelector(".badge")?.remove();
      const finding = findings?.get(name)?.[0];
      if (finding) node.append(el("span", { class: "badge", title: finding.sentence }, finding.word));
    }
  };
  store.subscribe(["record", "width"], draw);
  store.subscribe(["layer"], mark);
  store.subscribe(["findings"], flag);
  return node;
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
  const name = el("b", { title: row.name }, label);
  const words = row.kind === "input" ? "the image" : row.type;
  const children = isLarge
    ? [
        el(
          "span",
          { class: "words" },
          el("span", { class: "first" }, name, isSide ? null : el("span", { class: "quiet" }, words)),
          el("span", { class: "quiet" }, shape),
        ),
      ]
    : [
        name,
        isSide ? null : el("span", { class: "quiet" }, changesShape(row) || row.type === label ? shape : row.type),
      ];
  return el(
    "div",
    {
      id: `card-${row.name}`,
      class: `card ${isLarge ? "large" : "small"} ${row.kind}${isSide ? " beside" : ""}${width < NAMES_ALONE ? " tight" : ""}`,
      role: "option",
      "aria-selected": "false",
      "aria-label": `${row.name}, ${words}, ${shape}`,
      "data-layer": row.name,
      title: `${row.name} · ${words} · ${shape}`,
      style: { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` },
      onclick: () => choose(row.name),
    },
    isLarge
      ? slab(row.output_shape, SLAB[isSide ? "side" : "main"], height - 2, largest)
      : el("span", { class: "dot" }),
    ...children,
  );
}

/** Small cards have room for one thing: the shape where it changes, else the type. */
const changesShape = (row) => size(row.input_shape) !== size(row.output_shape);

/** Scroll the list alone, never the page, and only as far as it takes. */
function intoView(list, node) {
  const margin = 40;
  const top = node.offsetTop - margin;
  const bottom = node.offsetTop + node.offsetHeight + margin;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

/** Blocks in the network: the card of a collapsed one, the heading of an expanded one, and the choice of a depth. */

import { el } from "../../shared/static/dom.js";
import { rounded, size, whole } from "../../shared/static/format.js";
import { collapsedAt, depthOf } from "./blocks.js";
import { slab } from "./slab.js";

const SLAB = { width: 46, from: 210 }; // pixels of its width, and of a card that has room for it

const counts = ({ parameters, macs }) => `${rounded(parameters)} · ${rounded(macs)}`;
const describe = ({ parameters, macs }) => `${whole(parameters)} parameters, ${whole(macs)} multiply-adds`;
const chevron = (sign) => el("span", { class: "chevron", "aria-hidden": "true" }, sign);

/** The card of a collapsed block, with the sums of what is inside. A click expands it. */
export function blockCard({ row, label, x, y, width, height, isSide, level }, largest, toggle) {
  const shape = size(row.output_shape);
  const kind = `${row.type || "block"} of ${row.members.length} rows`;
  const quiet = (text) => el("span", { class: "quiet" }, text);
  const isWide = width >= SLAB.from;
  const attributes = {
    id: `card-${row.name}`,
    class: `card large block${isSide ? " beside" : ""}`,
    role: "treeitem",
    "aria-level": level + 1,
    "aria-expanded": "false",
    "aria-selected": "false",
    "aria-label": `${row.name}, ${kind}, ${shape}, ${describe(row)}`,
    "data-block": row.block,
    title: `${row.name} · ${kind} · ${shape} · ${describe(row)}. Click: expand`,
    style: { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` },
    onclick: () => toggle(row.block),
  };
  const name = el("b", { class: "name" }, chevron("▸"), label);
  return el(
    "div",
    attributes,
    isWide ? slab(row.output_shape, SLAB.width, height - 2, largest) : null,
    el(
      "span",
      { class: "words" },
      el("span", { class: "first" }, name, quiet(isWide ? row.type : shape)),
      el("span", { class: "first" }, quiet(isWide ? shape : ""), quiet(counts(row))),
    ),
  );
}

/** The heading of an expanded block. A click collapses it. */
export function blockHeading({ path, label, x, y, width, height, isSide, level }, blocks, toggle) {
  const block = blocks.get(path);
  const attributes = {
    class: `heading${isSide ? " beside" : ""}`,
    role: "treeitem",
    "aria-level": level + 1,
    "aria-expanded": "true",
    "aria-label": `${path}, ${block.type || "block"}, ${describe(block)}`,
    "data-block": path,
    title: `${path} · ${block.type || "block"} · ${describe(block)}. Click: collapse`,
    style: { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` },
    onclick: () => toggle(path),
  };
  const sums = isSide ? null : el("span", { class: "quiet" }, counts(block));
  return el("div", attributes, el("b", {}, chevron("▾"), label), sums);
}

/**
 * The choice of a depth, as `layers` has it; hidden for a network without blocks.
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {(depth: ?number) => void} choose
 */
export function depthBar(store, choose) {
  const buttons = el("span", { class: "depths" });
  const bar = el(
    "div",
    { class: "depth quiet", role: "group", "aria-label": "Depth of the blocks that are one card each", hidden: true },
    el("span", {}, "depth"),
    buttons,
    el("span", { class: "legend" }, "parameters · multiply-adds"),
  );
  const draw = ({ record, collapsed }) => {
    const depths = record ? [...Array.from({ length: depthOf(record) }, (_, i) => i + 1), null] : [];
    bar.hidden = depths.length < 2;
    const isShown = (depth) => isSame(collapsedAt(record, depth), collapsed);
    buttons.replaceChildren(
      ...depths.map((depth) =>
        el(
          "button",
          {
            type: "button",
            "aria-pressed": isShown(depth) ? "true" : "false",
            title: depth === null ? "Expand all blocks" : `Collapse the modules at depth ${depth}`,
            onclick: () => choose(depth),
          },
          depth === null ? "all" : String(depth),
        ),
      ),
    );
  };
  store.subscribe(["record", "collapsed"], draw);
  return bar;
}

const isSame = (one, other) => one.size === other.size && [...one].every((path) => other.has(path));

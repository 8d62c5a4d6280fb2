/** Collapsing and expanding the blocks of the network. What is collapsed is remembered while the page is open. */

import { ancestorsOf, collapsedAt, initiallyCollapsed, nodesOf } from "./blocks.js";

const without = (paths, some) => new Set([...paths].filter((path) => !some.includes(path)));

export class Collapse {
  #remembered = new Map(); // by the blocks of a network: runs of the same network have the same ones collapsed
  #shown = { key: "", layer: null };
  #isMoving = false; // from card to card, also to those of collapsed blocks

  /** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
  constructor(store) {
    this.store = store;
    store.subscribe(["record", "layer"], (state) => this.#follow(state));
  }

  toggle(path) {
    const { collapsed } = this.store.get();
    this.#set(collapsed.has(path) ? without(collapsed, [path]) : new Set([...collapsed, path]));
  }

  /** Expand the collapsed block that stands for the chosen layer. */
  expand() {
    const { collapsed, layer } = this.store.get();
    const path = ancestorsOf(layer ?? "").find((one) => collapsed.has(one));
    if (path) this.#set(without(collapsed, [path]));
  }

  /** Collapse the innermost block around the chosen layer that is expanded. */
  collapse() {
    const { collapsed, layer } = this.store.get();
    const around = ancestorsOf(layer ?? "");
    const outermost = around.findIndex((path) => collapsed.has(path));
    const path = around[(outermost < 0 ? around.length : outermost) - 1];
    if (path) this.#set(new Set([...collapsed, path]));
  }

  /** Collapse the modules at this depth; null: none. */
  chooseDepth(depth) {
    const { record } = this.store.get();
    if (record) this.#set(collapsedAt(record, depth));
  }

  /** Choose the layer of the card before or after. That of a collapsed block stands for the block's output. */
  moveLayer(by) {
    const { record, layer, collapsed } = this.store.get();
    if (!record) return;
    const nodes = nodesOf(record, collapsed);
    const at = nodes.findIndex(({ members }) => members.includes(layer)) + by;
    const node = nodes[Math.min(nodes.length - 1, Math.max(0, at))];
    this.#isMoving = true;
    this.store.set({ layer: node.output ?? node.name, unit: null, hover: null, unmet: "" });
    this.#isMoving = false;
  }

  #set(collapsed) {
    this.#remembered.set(this.#shown.key, collapsed);
    this.store.set({ collapsed });
  }

  /** Take what is remembered of another network, and expand the blocks around a layer that is chosen by its name. */
  #follow({ record, layer, collapsed }) {
    if (!record) return;
    const key = [...record.blocks.keys()].join();
    const isSame = key === this.#shown.key;
    const isChosen = (layer !== this.#shown.layer || !isSame) && !this.#isMoving;
    const before = isSame ? collapsed : (this.#remembered.get(key) ?? initiallyCollapsed(record));
    this.#shown = { key, layer };
    const around = isChosen ? ancestorsOf(layer ?? "").filter((path) => before.has(path)) : [];
    if (!isSame || around.length) this.#set(without(before, around));
  }
}

/** The feature maps of one image, numbered. Units can be pointed at and pinned. */

import { el, place } from "./dom.js";
import { arrange, paintTiles } from "./tiles.js";

const SIZES = { gap: 10, caption: 16, largest: 28 };

/** @typedef {{channel: number, row: number, column: number}} Unit */

export class MapsView {
  #shown = null; // {maps, plan}

  /**
   * @param {(unit: ?Unit) => void} point Called as the pointer moves.
   * @param {(unit: Unit) => void} pin Called on a click.
   */
  constructor(point, pin) {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.pointed = el("div", { class: "unit pointed", hidden: true });
    this.pinned = el("div", { class: "unit pinned", hidden: true });
    this.tiles = el("div");
    this.node = el("div", { class: "maps" }, this.canvas, this.tiles, this.pointed, this.pinned);
    this.node.addEventListener("pointermove", (event) => point(this.#unitAt(event)));
    this.node.addEventListener("pointerleave", () => point(null));
    this.node.addEventListener("click", (event) => {
      const unit = this.#unitAt(event);
      if (unit) pin(unit);
    });
  }

  /**
   * @param {import("./values.js").Maps} maps
   * @param {{dead: number[], theme: string, largest: number, width: number, height: number}} how
   */
  draw(maps, { dead, theme, largest, width, height }) {
    const plan = arrange(maps.channels, maps.height, maps.width, { ...SIZES, width, height });
    this.#shown = { maps, plan };
    const { data, height: rows, width: columns } = maps;
    const { scale } = plan;
    const parts = plan.places.map(({ x, y }, i) => {
      const offset = maps.offset + i * rows * columns;
      return { x, y, rows, columns, scale, data, offset };
    });
    paintTiles(this.canvas, plan, parts, theme, largest);
    this.node.style.width = `${plan.width}px`;
    this.node.style.height = `${plan.height}px`;
    this.node.dataset.scale = scale;
    this.tiles.replaceChildren(...plan.places.map(({ x, y }, i) => tile(i, x, y, maps, scale, dead.includes(i))));
  }

  /** Frame the unit under the pointer and the pinned one; both may be null. */
  mark(hovered, fixed) {
    place(this.pointed, this.#shown && frame(hovered, this.#shown));
    place(this.pinned, this.#shown && frame(fixed, this.#shown));
  }

  #unitAt(event) {
    const node = event.target.closest?.(".tile");
    if (!node || !this.#shown) return null;
    const { maps, plan } = this.#shown;
    const box = node.getBoundingClientRect();
    const within = (offset, count) => Math.min(count - 1, Math.max(0, Math.floor(offset / plan.scale)));
    return {
      channel: Number(node.dataset.channel),
      row: within(event.clientY - box.top, maps.height),
      column: within(event.clientX - box.left, maps.width),
    };
  }
}

function tile(channel, x, y, maps, scale, isDead) {
  const width = Math.ceil(maps.width * scale);
  const height = Math.ceil(maps.height * scale);
  return el(
    "div",
    {
      class: isDead ? "tile dead" : "tile",
      "data-channel": channel,
      role: "img",
      "aria-label": `Map ${channel}${isDead ? ", dead" : ""}`,
      style: { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` },
    },
    el("span", { class: "caption" }, String(channel), isDead ? el("em", {}, width < 44 ? "†" : "dead") : null),
  );
}

function frame(unit, { maps, plan }) {
  const corner = unit && plan.places[unit.channel];
  if (!corner || unit.row >= maps.height || unit.column >= maps.width) return null;
  const side = Math.max(plan.scale, 3);
  return {
    x: corner.x + unit.column * plan.scale - 1,
    y: corner.y + unit.row * plan.scale - 1,
    width: side + 2,
    height: side + 2,
  };
}

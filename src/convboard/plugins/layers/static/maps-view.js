/** The feature maps of one image: a picture each, numbered; units can be pointed at and pinned. */

import { el, place } from "./dom.js";
import { arrange, paintTiles } from "./tiles.js";

const LOOK = { gap: 10, caption: 16, largest: 28 };

/**
 * @param {(unit: ?{channel: number, row: number, column: number}) => void} point Called as the pointer moves.
 * @param {(unit: {channel: number, row: number, column: number}) => void} pin Called on a click.
 * @returns {{node: HTMLElement, draw: Function, mark: Function}}
 */
export function mapsView(point, pin) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  const pointed = el("div", { class: "unit pointed", hidden: true });
  const pinned = el("div", { class: "unit pinned", hidden: true });
  const tiles = el("div");
  const node = el("div", { class: "maps" }, canvas, tiles, pointed, pinned);
  let shown = null; // {maps, plan}

  const unitAt = (event) => {
    const tile = event.target.closest?.(".tile");
    if (!tile || !shown) return null;
    const { scale } = shown.plan;
    const box = tile.getBoundingClientRect();
    const within = (offset, count) => Math.min(count - 1, Math.max(0, Math.floor(offset / scale)));
    return {
      channel: Number(tile.dataset.channel),
      row: within(event.clientY - box.top, shown.maps.height),
      column: within(event.clientX - box.left, shown.maps.width),
    };
  };
  node.addEventListener("pointermove", (event) => point(unitAt(event)));
  node.addEventListener("pointerleave", () => point(null));
  node.addEventListener("click", (event) => {
    const unit = unitAt(event);
    if (unit) pin(unit);
  });

  return {
    node,
    /**
     * @param {import("./values.js").Maps} maps
     * @param {{dead: number[], theme: string, largest: number, width: number, height: number}} how
     */
    draw(maps, { dead, theme, largest, width, height }) {
      const plan = arrange(maps.channels, maps.height, maps.width, { ...LOOK, width, height });
      shown = { maps, plan };
      const area = maps.height * maps.width;
      const parts = plan.places.map(({ x, y }, i) => ({
        x,
        y,
        rows: maps.height,
        columns: maps.width,
        scale: plan.scale,
        data: maps.data,
        offset: maps.offset + i * area,
      }));
      paintTiles(canvas, plan, parts, theme, largest);
      node.style.width = `${plan.width}px`;
      node.style.height = `${plan.height}px`;
      node.dataset.scale = plan.scale;
      tiles.replaceChildren(...plan.places.map(({ x, y }, i) => tile(i, x, y, maps, plan.scale, dead.includes(i))));
    },
    /** Frame the unit that is pointed at and the one that is pinned. */
    mark(hovered, fixed) {
      place(pointed, shown && frame(hovered, shown));
      place(pinned, shown && frame(fixed, shown));
    },
  };
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

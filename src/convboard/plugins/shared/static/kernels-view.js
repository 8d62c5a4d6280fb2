/**
 * A convolution's kernels, each with a slice for each input channel. The chosen one is framed and enlarged; where
 * weights can be pointed at, none is enlarged.
 */

import { el, place } from "./dom.js";
import { paintTiles } from "./tiles.js";

const GAP = { slice: 2, kernel: 12, caption: 16 };
// Pixels a weight. Below five the eye loses the pattern.
const SCALE = { smallest: 5, usual: 8, largest: 14, pointedAt: 24, enlarged: 28 };
const SMALLEST_SLICE = 8; // pixels
const SCROLLED = 2; // times the height that they may take before they are drawn smaller than usual
const ENLARGED_HEIGHT = 150;

const FRAME = { light: [213, 217, 222], dark: [82, 84, 89] };

/** @typedef {{channel: number, slice: ?number, row: number, column: number}} Weight `slice` is null in colour. */

export class KernelsView {
  #drawn = null; // {weight, plan, how, big}

  /** @param {?((weight: ?Weight) => void)} point Called as the pointer moves. */
  constructor(point = null) {
    this.isPointedAt = Boolean(point);
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.captions = el("div");
    this.chosen = el("div", { class: "kernel chosen", hidden: true });
    this.pointed = el("div", { class: "unit pointed", hidden: true });
    this.area = el("div", { class: "kernels" }, this.canvas, this.captions, this.chosen, this.pointed);
    this.large = el("canvas", { "aria-hidden": "true" });
    this.largeName = el("span");
    this.enlarged = el("div", { class: "enlarged", hidden: true }, this.large, this.largeName);
    this.node = el("div", {}, this.enlarged, this.area);
    if (!point) return;
    this.area.classList.add("pointed-at");
    this.area.addEventListener("pointermove", (event) => point(this.#weightAt(event)));
    this.area.addEventListener("pointerleave", () => point(null));
  }

  /**
   * @param {{data: Float32Array, shape: number[]}} weight `[kernels, input channels, height, width]`
   * @param {{theme: string, largest: number, width: number, height: number, isInColour: boolean, noun: string}} how
   *     `isInColour`: the input channels are red, green and blue, so each kernel is drawn in colour too, before its
   *     slices; `noun`: what a kernel is called.
   */
  draw(weight, how) {
    const plan = arrangeKernels(weight.shape, how, this.isPointedAt ? SCALE.pointedAt : SCALE.largest);
    this.#drawn = { weight, plan, how, big: this.isPointedAt ? null : arrangeEnlarged(weight.shape, plan, how) };
    paintKernels(this.canvas, weight, plan, how);
    this.area.style.width = `${plan.width}px`;
    this.area.style.height = `${plan.height}px`;
    const caption = ({ x, y }, i) =>
      el("span", { class: "caption", style: { left: `${x}px`, top: `${y - GAP.caption}px` } }, String(i));
    this.captions.replaceChildren(...plan.places.map(caption));
    delete this.large.dataset.channel;
    this.#enlarge(0);
  }

  /** Frame and enlarge a kernel; null: frame none. */
  mark(channel) {
    if (!this.#drawn) return;
    const { block, places } = this.#drawn.plan;
    const corner = places[channel];
    this.chosen.dataset.channel = corner ? channel : "";
    const frame = corner && { x: corner.x - 3, y: corner.y - 3, width: block.width + 6, height: block.height + 6 };
    place(this.chosen, frame);
    this.#enlarge(corner ? channel : 0);
  }

  /** Frame a weight and its kernel; null, or one that is not there: frame none. */
  markWeight(weight) {
    this.mark(weight?.channel ?? null);
    place(this.pointed, this.#drawn && weight && this.#frameOf(weight));
  }

  #frameOf({ channel, slice, row, column }) {
    const { plan, weight, how } = this.#drawn;
    const [, slices, rows, columns] = weight.shape;
    const corner = plan.places[channel];
    if (!corner || slice >= slices || row >= rows || column >= columns) return null;
    const { x, y } = tileCorner(corner, plan, slice === null ? 0 : slice + (how.isInColour ? 1 : 0));
    const { scale } = plan;
    return { x: x + column * scale - 1, y: y + row * scale - 1, width: scale + 2, height: scale + 2 };
  }

  #weightAt({ clientX, clientY }) {
    if (!this.#drawn) return null;
    const { plan, weight, how } = this.#drawn;
    const box = this.area.getBoundingClientRect();
    const [left, top] = [clientX - box.left, clientY - box.top];
    const isIn = ({ x, y }, { width, height }) => left >= x && left < x + width && top >= y && top < y + height;
    const channel = plan.places.findIndex((corner) => isIn(corner, plan.block));
    if (channel < 0) return null;
    const before = how.isInColour ? 1 : 0;
    for (let tile = 0; tile < weight.shape[1] + before; tile++) {
      const corner = tileCorner(plan.places[channel], plan, tile);
      if (!isIn(corner, plan.slice)) continue;
      const [row, column] = [top - corner.y, left - corner.x].map((offset) => Math.floor(offset / plan.scale));
      return { channel, slice: tile < before ? null : tile - before, row, column };
    }
    return null;
  }

  #enlarge(channel) {
    const { weight, big, how } = this.#drawn;
    this.enlarged.hidden = !big;
    if (!big || this.large.dataset.channel === String(channel)) return;
    this.large.dataset.channel = channel;
    this.largeName.textContent = `${how.noun} ${channel}`;
    paintKernels(this.large, weight, { ...big, first: channel }, how);
  }
}

/** The largest scale at which all kernels fit the height, or nearly so; the smallest one where none does. */
function arrangeKernels(shape, { width, height, isInColour }, largest) {
  const smallest = Math.max(SCALE.smallest, Math.ceil(SMALLEST_SLICE / shape.at(-1)));
  let plan;
  for (let scale = largest; scale >= smallest; scale--) {
    plan = atScale(shape, width, scale, isInColour);
    if (plan.height <= (scale > SCALE.usual ? height : SCROLLED * height)) break;
  }
  return plan;
}

/** One kernel by itself, larger than among the others; null where it has too many slices for that. */
function arrangeEnlarged([, ...shape], { scale: small }, { width, isInColour }) {
  for (let scale = SCALE.enlarged; scale > small; scale--) {
    const plan = atScale([1, ...shape], width - 70, scale, isInColour);
    if (plan.height - GAP.caption <= ENLARGED_HEIGHT)
      return { ...plan, height: plan.height - GAP.caption, places: [{ x: 3, y: 0 }] };
  }
  return null;
}

function atScale([kernels, slices, rows, columns], width, scale, isInColour) {
  const slice = { width: columns * scale, height: rows * scale };
  const tiles = slices + (isInColour ? 1 : 0);
  const most = Math.max(1, Math.min(tiles, Math.floor((width - 6 + GAP.slice) / (slice.width + GAP.slice))));
  const down = Math.ceil(tiles / most);
  const across = Math.ceil(tiles / down); // lines of equal length
  const block = {
    width: across * (slice.width + GAP.slice) - GAP.slice,
    height: down * (slice.height + GAP.slice) - GAP.slice,
  };
  const perLine = Math.max(1, Math.min(kernels, Math.floor((width + GAP.kernel - 6) / (block.width + GAP.kernel))));
  const line = block.height + GAP.kernel + GAP.caption;
  const places = Array.from({ length: kernels }, (_, i) => ({
    x: 3 + (i % perLine) * (block.width + GAP.kernel),
    y: GAP.caption + Math.floor(i / perLine) * line,
  }));
  return {
    scale,
    slice,
    across,
    block,
    places,
    first: 0,
    width: perLine * (block.width + GAP.kernel) - GAP.kernel + 6,
    height: Math.ceil(kernels / perLine) * line - GAP.kernel + 4,
  };
}

/** The slices by the colour scale; in their own colours the kernels over red, green and blue. */
function paintKernels(canvas, weight, plan, { theme, largest, isInColour }) {
  paintTiles(canvas, plan, tilesOf(weight, plan, isInColour ? 1 : 0), theme, largest, FRAME[theme]);
  if (isInColour)
    plan.places.forEach((corner, i) => paintColours(canvas, weight, plan.first + i, corner, plan.scale, largest));
}

/** The upper left corner of a slice of a kernel; in colour, the one in colour is the first. */
const tileCorner = ({ x, y }, { across, slice }, tile) => ({
  x: x + (tile % across) * (slice.width + GAP.slice),
  y: y + Math.floor(tile / across) * (slice.height + GAP.slice),
});

function tilesOf({ data, shape: [, slices, rows, columns] }, plan, before) {
  return plan.places.flatMap((corner, i) =>
    Array.from({ length: slices }, (_, slice) => ({
      ...tileCorner(corner, plan, slice + before),
      rows,
      columns,
      scale: plan.scale,
      data,
      offset: ((plan.first + i) * slices + slice) * rows * columns,
    })),
  );
}

/** Grey is zero; the strongest weight of all is a full colour, or none of it. */
function paintColours(canvas, { data, shape: [, slices, rows, columns] }, kernel, { x, y }, scale, largest) {
  const context = canvas.getContext("2d");
  const area = rows * columns;
  for (let i = 0; i < area; i++) {
    const parts = [0, 1, 2].map((slice) => 127.5 * (1 + data[(kernel * slices + slice) * area + i] / (largest || 1)));
    context.fillStyle = `rgb(${parts.map((part) => Math.round(Math.min(255, Math.max(0, part || 0)))).join(" ")})`;
    context.fillRect(x + (i % columns) * scale, y + Math.floor(i / columns) * scale, scale, scale);
  }
}

/** A convolution's kernels, each with as many slices as it has input channels; the chosen one is framed. */

import { el, place } from "./dom.js";
import { paintTiles } from "./tiles.js";

const GAP = { slice: 2, kernel: 12, caption: 16 };
const SCALE = { smallest: 3, largest: 12 };

/** @returns {{node: HTMLElement, draw: Function, mark: (channel: ?number) => void}} */
export function kernelsView() {
  const canvas = el("canvas", { "aria-hidden": "true" });
  const captions = el("div");
  const chosen = el("div", { class: "kernel chosen", hidden: true });
  const node = el("div", { class: "kernels" }, canvas, captions, chosen);
  let plan = null;
  return {
    node,
    /** @param {{data: Float32Array, shape: number[]}} weight `[kernels, input channels, height, width]` */
    draw(weight, { theme, largest, width, height }) {
      plan = arrangeKernels(weight.shape, width, height);
      paintTiles(canvas, plan, tilesOf(weight, plan), theme, largest);
      node.style.width = `${plan.width}px`;
      node.style.height = `${plan.height}px`;
      captions.replaceChildren(
        ...plan.places.map(({ x, y }, i) => el("span", { class: "caption", style: { left: `${x}px`, top: `${y - GAP.caption}px` } }, String(i))),
      );
    },
    mark(channel) {
      const corner = plan?.places[channel];
      chosen.dataset.channel = corner ? channel : "";
      place(chosen, corner && { x: corner.x - 3, y: corner.y - 3, width: plan.block.width + 6, height: plan.block.height + 6 });
    },
  };
}

/** The largest scale at which all kernels fit the height; the smallest one where none does. */
function arrangeKernels(shape, width, height) {
  let plan;
  for (let scale = SCALE.largest; scale >= SCALE.smallest; scale--) {
    plan = atScale(shape, width, scale);
    if (plan.height <= height) break;
  }
  return plan;
}

function atScale([kernels, slices, rows, columns], width, scale) {
  const slice = { width: columns * scale, height: rows * scale };
  const across = Math.max(1, Math.min(slices, Math.floor((width + GAP.slice) / (slice.width + GAP.slice))));
  const down = Math.ceil(slices / across);
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
    scale, slice, across, block, places,
    width: perLine * (block.width + GAP.kernel) - GAP.kernel + 6,
    height: Math.ceil(kernels / perLine) * line - GAP.kernel + 4,
  };
}

function tilesOf({ data, shape: [, slices, rows, columns] }, plan) {
  return plan.places.flatMap(({ x, y }, kernel) =>
    Array.from({ length: slices }, (_, i) => ({
      x: x + (i % plan.across) * (plan.slice.width + GAP.slice),
      y: y + Math.floor(i / plan.across) * (plan.slice.height + GAP.slice),
      rows, columns, scale: plan.scale, data, offset: (kernel * slices + i) * rows * columns,
    })),
  );
}

/** A canvas that is sharp on every screen. */

import { el } from "./dom.js";

/** A canvas for a drawing that is described elsewhere, hidden from screen readers. */
export const hiddenCanvas = () => el("canvas", { "aria-hidden": "true" });

/**
 * Give a canvas a size in CSS pixels, and clear it.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D} It draws in CSS pixels.
 */
export function clearedContext(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    Object.assign(canvas, { width: wide, height: high });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The colours of the page by name, as they are now: `text` of `--text`, `quiet` of `--quiet`, and so on. */
export function pageColours(names) {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

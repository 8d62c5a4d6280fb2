/**
 * The plot of the curves, on three canvases: the scales, the curves, and what follows the pointer. So a movement of the
 * pointer draws no curve anew but the one that is pointed at.
 */

import { clearedContext, hiddenCanvas, pageColours } from "../../shared/static/canvas.js";
import { el, oncePerFrame, place } from "../../shared/static/dom.js";
import { drawCrosshair, drawCurves, drawPointed, drawScales } from "./curve-drawing.js";
import { fullView, plotArea, scalesOf } from "./curve-scales.js";
import { nearestPoint } from "./curve-statistics.js";

const COLOURS = ["line", "line-strong", "quiet", "panel"];
const NEAR = 40; // pixels from a curve at which it is pointed at
const DOTS = 30; // on the crosshair: of more curves, only the one that is pointed at has one
const DIGITS = 8; // of the ends of a range
const DRAGGED = 6; // pixels of the pointer that are no click

export class CurvePlot {
  #shown = null; // {series, options, area, scales, colours}
  #drag = null; // where the pointer went down, in pixels of the plot
  #pointer = null; // where it is
  #at = null; // the place of the crosshair on the x axis
  #pointed = null; // the curve that stands out

  /**
   * @param {{point: (x: ?number, id: ?string) => void, zoom: (ranges: ?number[]) => void}} react Called with the place
   *     of the crosshair and the curve that is nearest to the pointer; and with the ranges that are to be shown, see
   *     `zoom` in view-options.js.
   */
  constructor(react) {
    this.react = react;
    this.scales = hiddenCanvas();
    this.curves = hiddenCanvas();
    this.overlay = hiddenCanvas();
    this.frame = el("div", { class: "zoom-frame", hidden: true });
    this.note = el("p", { class: "plot-note", role: "status" });
    this.reset = el(
      "button",
      { type: "button", class: "plain", hidden: true, onclick: () => this.react.zoom(null) },
      "show all",
    );
    this.node = el(
      "div",
      { class: "curve-plot", tabindex: "0", role: "img" },
      this.scales,
      this.curves,
      this.overlay,
      this.frame,
      el("div", { class: "plot-notes" }, this.note, this.reset),
    );
    this.#listen();
  }

  #listen() {
    const moved = oncePerFrame(() => this.#onMove());
    this.node.addEventListener("pointermove", (event) => {
      this.#pointer = this.#placeOf(event);
      moved();
    });
    this.node.addEventListener("pointerleave", () => {
      this.#pointer = null;
      if (!this.#drag) this.#point(null, null);
    });
    this.node.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.node.addEventListener("pointerup", () => this.#onUp());
    this.node.addEventListener("pointercancel", () => this.#endDrag());
    this.node.addEventListener("dblclick", () => this.react.zoom(null));
    this.node.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * @param {import("./curve-series.js").Series[]} series
   * @param {{tag: string, axis: string, logX: boolean, logY: boolean, zoom: ?number[], width: number, height: number}}
   *     options
   */
  draw(series, options) {
    const { width, height, axis, zoom, tag } = options;
    const full = fullView(series, options);
    const [onScales, onCurves] = [this.scales, this.curves].map((canvas) => clearedContext(canvas, width, height));
    clearedContext(this.overlay, width, height);
    this.#shown = null;
    this.reset.hidden = !zoom;
    this.note.textContent = full?.isCut && !zoom ? "Some values lie outside the plot." : "";
    if (!full) return;
    const area = plotArea(width, height);
    const scales = scalesOf(zoom ? { x: zoom.slice(0, 2), y: zoom.slice(2) } : full, area, options);
    const colours = pageColours(COLOURS);
    this.#shown = { series, options, area, scales, colours };
    drawScales(onScales, { scales, area, axis, tag, colours });
    drawCurves(onCurves, { series, scales, area });
    this.mark(this.#pointed);
  }

  /** Let a curve stand out; null: none. */
  mark(pointed) {
    this.#pointed = pointed;
    if (!this.#shown) return;
    const { series, options, scales, area, colours } = this.#shown;
    const context = clearedContext(this.overlay, options.width, options.height);
    const found = series.find(({ id }) => id === pointed);
    this.curves.classList.toggle("behind", Boolean(found));
    if (found) drawPointed(context, { series: found, scales, area });
    if (this.#at === null) return;
    const all = this.#pointsAt(this.#at);
    const points = all.length > DOTS ? all.filter(({ id }) => id === pointed) : all;
    drawCrosshair(context, { x: this.#at, points, scales, area, colours });
  }

  #placeOf({ clientX, clientY }) {
    const { left, top } = this.node.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  #onMove() {
    if (!this.#shown || !this.#pointer) return;
    const { area, scales } = this.#shown;
    const [x, y] = this.#pointer;
    if (this.#drag) this.#showFrame();
    const isInside = x >= area.left - 4 && x <= area.right + 4 && y >= area.top - 4 && y <= area.bottom + 4;
    if (!isInside) return this.#point(null, null);
    const pointed = scales.x.valueAt(Math.min(area.right, Math.max(area.left, x)));
    if (this.#drag) return this.#point(pointed, null);
    const id = this.#nearest(pointed, y);
    return this.#point(this.#snapped(pointed, id), id);
  }

  /** The curve that is nearest to a height in pixels. */
  #nearest(at, y) {
    let [nearest, distance] = [null, NEAR];
    for (const { id, y: value } of this.#pointsAt(at)) {
      const away = Math.abs(this.#shown.scales.y.at(value) - y);
      if (away < distance) [nearest, distance] = [id, away];
    }
    return nearest;
  }

  /** The nearest place at which the curve that is pointed at, or else the first one, has a point. */
  #snapped(at, id) {
    const { series } = this.#shown;
    const { x } = (series.find((each) => each.id === id) ?? series[0]).curve;
    return x[nearestPoint({ x }, at, Infinity)];
  }

  #pointsAt(at) {
    const { series, scales } = this.#shown;
    const reach = Math.abs(scales.x.valueAt(scales.x.at(at) + 8) - at);
    return series.flatMap(({ id, curve, colour }) => {
      const i = nearestPoint(curve, at, reach);
      return i < 0 ? [] : [{ id, x: curve.x[i], y: curve.mean[i], colour }];
    });
  }

  #point(at, id) {
    this.#at = at;
    this.mark(id);
    this.react.point(at, id);
  }

  #onDown(event) {
    if (event.button !== 0 || !this.#shown || event.target.closest("button")) return;
    this.#drag = this.#placeOf(event);
    this.node.setPointerCapture(event.pointerId);
  }

  /** The corners of the dragged rectangle within the plot. */
  #dragged() {
    const { area } = this.#shown;
    const [[x1, y1], [x2, y2]] = [this.#drag, this.#pointer ?? this.#drag];
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    const xs = [x1, x2].map((x) => within(x, area.left, area.right)).toSorted((a, b) => a - b);
    const ys = [y1, y2].map((y) => within(y, area.top, area.bottom)).toSorted((a, b) => a - b);
    return { xs, ys, isLarge: xs[1] - xs[0] > DRAGGED && ys[1] - ys[0] > DRAGGED };
  }

  #showFrame() {
    const { xs, ys, isLarge } = this.#dragged();
    place(this.frame, isLarge ? { x: xs[0], y: ys[0], width: xs[1] - xs[0], height: ys[1] - ys[0] } : null);
  }

  #onUp() {
    if (!this.#drag || !this.#shown) return this.#endDrag();
    const { xs, ys, isLarge } = this.#dragged();
    const { x, y } = this.#shown.scales;
    this.#endDrag();
    const ranges = [...xs.map(x.valueAt), ...ys.toReversed().map(y.valueAt)];
    if (isLarge) this.react.zoom(ranges.map((end) => Number(end.toPrecision(DIGITS))));
  }

  #endDrag() {
    this.#drag = null;
    place(this.frame, null);
  }

  /** Left and right move the crosshair from point to point, up and down go from curve to curve. */
  #onKey(event) {
    const { series, options } = this.#shown ?? {};
    if (!series?.length || event.ctrlKey || event.altKey) return;
    const along = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const across = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (along) this.#moveAlong(series, along);
    else if (across) this.#moveAcross(series, across);
    else if (event.key === "Escape" && options.zoom) this.react.zoom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #moveAlong(series, by) {
    const longest = series.reduce((a, b) => (b.curve.x.length > a.curve.x.length ? b : a));
    const { x } = (series.find(({ id }) => id === this.#pointed) ?? longest).curve;
    const now = this.#at === null ? (by > 0 ? -1 : x.length) : nearestPoint({ x }, this.#at, Infinity);
    this.#point(x[Math.min(x.length - 1, Math.max(0, now + by))], this.#pointed);
  }

  #moveAcross(series, by) {
    const now = series.findIndex(({ id }) => id === this.#pointed);
    const next = now < 0 ? (by > 0 ? 0 : series.length - 1) : Math.min(series.length - 1, Math.max(0, now + by));
    this.#point(this.#at, series[next].id);
  }
}

/** The plot of parallel coordinates: axes are brushed by pointer or keyboard, and lines pointed at. */

import { clearedContext, hiddenCanvas, pageColours } from "../../shared/static/canvas.js";
import { el, oncePerFrame } from "../../shared/static/dom.js";
import { AxisEnds } from "./axis-ends.js";
import {
  BRUSH,
  MARGIN,
  drawAxis,
  drawBrush,
  nearestLine,
  parallelAxes,
  parallelLines,
  trace,
} from "./parallel-drawing.js";
import { shortKeys } from "./words.js";

const REACH = 24; // pixels from an axis at which it can be brushed
const CLICK = 4; // pixels of the pointer that are still a click, which takes the brush away
const MANY = 100; // lines that are thin
const COLOURS = ["line", "line-strong", "text", "quiet", "accent", "panel"];

/** Of each of so many lines: many together are seen well even if each is faint. */
const opacity = (count) => Math.max(0.15, Math.min(0.9, 5 / Math.sqrt(count + 1)));

export class ParallelPlot {
  #shown = null; // {axes, lines, page, options}
  #passing = new Set(); // ids of the settings that pass the filter
  #filter = {};
  // {column, from, moved: ?[number, number], hasMoved}: places as shares of an axis, since the bar of filters may take
  // room from the plot meanwhile.
  #drag = null;
  #at = null; // where the pointer is

  /**
   * @param {{brush: (column: string, rule: ?Object) => void, point: (setting: ?Object) => void,
   *     pick: (setting: Object) => void}} react
   */
  constructor(react) {
    this.react = react;
    [this.behind, this.lines, this.overlay] = [hiddenCanvas(), hiddenCanvas(), hiddenCanvas()];
    this.ends = new AxisEnds(react.brush);
    const layers = [this.behind, this.lines, this.overlay, this.ends.node];
    this.node = el("div", { class: "parallel-plot", role: "group", "aria-label": "Parallel coordinates" }, layers);
    const moved = oncePerFrame(() => this.#onMove());
    this.node.addEventListener("pointermove", (event) => {
      this.#at = this.#placeOf(event);
      moved();
    });
    this.node.addEventListener("pointerleave", () => {
      this.#at = null;
      if (!this.#drag) react.point(null);
    });
    this.node.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.node.addEventListener("pointerup", (event) => this.#onUp(event));
    this.node.addEventListener("pointercancel", () => (this.#drag = null));
  }

  /**
   * @param {{table: Object, columns: string[], colours: Map<string, string>, theme: string, width: number,
   *     height: number}} options `colours` by setting.
   */
  draw(options) {
    const { table, columns, width, height } = options;
    const axes = parallelAxes(table, columns, { width, height });
    const lines = parallelLines(table.settings, axes);
    this.#shown = { axes, lines, options, page: pageColours(COLOURS) };
    const context = clearedContext(this.behind, width, height);
    context.strokeStyle = this.#shown.page.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const { heights } of lines) trace(context, axes, heights);
    context.stroke();
  }

  /**
   * Draw the lines of the settings that pass the filter, the worst first, and the brushes.
   * @param {Set<string>} passing Their ids.
   * @param {Object} filter
   */
  drawPassing(passing, filter) {
    [this.#passing, this.#filter] = [passing, filter];
    if (!this.#shown) return;
    const { axes, lines, options, page } = this.#shown;
    const context = clearedContext(this.lines, options.width, options.height);
    context.globalAlpha = opacity(passing.size);
    context.lineWidth = passing.size > MANY ? 1 : 1.6;
    for (const { setting, heights } of lines.toReversed()) {
      if (!passing.has(setting.id)) continue;
      context.strokeStyle = options.colours.get(setting.id);
      context.beginPath();
      trace(context, axes, heights);
      context.stroke();
    }
    context.globalAlpha = 1;
    const { columns, table } = options;
    const names = shortKeys(columns).map((name, i) => (columns[i] === "@objective" ? table.objective : name));
    axes.forEach((axis, i) => drawAxis(context, axis, names[i], page, options));
    for (const axis of axes) if (filter[axis.column]) drawBrush(context, axis, filter[axis.column], page);
    this.ends.draw(axes, names, filter);
  }

  /** Let the line of a setting stand out; null: none. */
  mark(id) {
    if (!this.#shown) return;
    const { axes, lines, options, page } = this.#shown;
    const context = clearedContext(this.overlay, options.width, options.height);
    const found = lines.find(({ setting }) => setting.id === id);
    if (!found) return;
    context.lineJoin = "round";
    for (const [width, colour] of [
      [5, page.panel],
      [3, options.colours.get(id)],
    ]) {
      Object.assign(context, { lineWidth: width, strokeStyle: colour });
      context.beginPath();
      trace(context, axes, found.heights);
      context.stroke();
    }
  }

  #placeOf({ clientX, clientY }) {
    const { left, top } = this.node.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  #axisAt([x, y]) {
    const { axes, options } = this.#shown;
    const isBeside = y < MARGIN.top - BRUSH || y > options.height;
    return isBeside ? null : (axes.find((axis) => Math.abs(axis.x - x) <= REACH) ?? null);
  }

  #onMove() {
    if (!this.#shown || !this.#at) return;
    if (this.#drag) return this.#brush();
    this.node.classList.toggle("on-axis", Boolean(this.#axisAt(this.#at)));
    this.react.point(this.#nearest());
  }

  /** The setting whose line is at the pointer, of those that pass the filter. */
  #nearest() {
    const { lines, axes } = this.#shown;
    const passing = lines.filter(({ setting }) => this.#passing.has(setting.id));
    return nearestLine(passing, axes, this.#at);
  }

  #onDown(event) {
    if (!this.#shown || event.button !== 0) return;
    this.#at = this.#placeOf(event);
    const axis = this.#axisAt(this.#at);
    if (axis) this.#beginDrag(axis, event);
    else {
      const found = this.#nearest();
      if (found) this.react.pick(found);
    }
  }

  /** A drag that begins in a brush on an axis of numbers moves it. */
  #beginDrag(axis, event) {
    const rule = this.#filter[axis.column];
    const [place] = rule && !axis.isCategory ? axis.placesOf(rule) : [];
    const range = place?.map((height) => this.#shareOf(height)).toSorted((a, b) => a - b);
    const from = this.#shareOf(this.#at[1]);
    const isInside = range && from >= range[0] && from <= range[1];
    this.#drag = { column: axis.column, from, moved: isInside ? range : null, hasMoved: false };
    this.react.point(null);
    this.node.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  get #span() {
    return this.#shown.options.height - MARGIN.top - MARGIN.bottom;
  }

  #shareOf(height) {
    return (height - MARGIN.top) / this.#span;
  }

  #brush() {
    const { column, from, moved, hasMoved } = this.#drag;
    const axis = this.#shown.axes.find((one) => one.column === column);
    const by = this.#shareOf(this.#at[1]) - from;
    if (!axis || (!hasMoved && Math.abs(by) * this.#span <= CLICK)) return;
    this.#drag.hasMoved = true;
    this.react.brush(column, this.#ruleOf(axis, moved ? shifted(moved, by) : [from, from + by]));
  }

  #ruleOf(axis, shares) {
    return axis.ruleOf(...shares.map((share) => MARGIN.top + share * this.#span));
  }

  /** A click without a movement takes a brush away; on a category it chooses that one. */
  #onUp(event) {
    if (!this.#drag) return;
    this.#at = this.#placeOf(event);
    this.#brush(); // a movement faster than a frame
    const { column, from, hasMoved } = this.#drag;
    this.#drag = null;
    const axis = this.#shown.axes.find((one) => one.column === column);
    if (hasMoved || !axis) return;
    this.react.brush(column, this.#filter[column] || !axis.isCategory ? null : this.#ruleOf(axis, [from, from]));
  }
}

/** A range that is moved as far as the axis reaches, and keeps its length. */
function shifted([low, high], by) {
  const fitting = Math.min(1 - high, Math.max(-low, by));
  return [low + fitting, high + fitting];
}

/** The ends of the ranges on the axes of the parallel coordinates, as sliders for the keyboard. */

import { el, place } from "../../shared/static/dom.js";

const END_NAMES = ["from", "up to"];
const SIZE = { width: 26, height: 10 }; // pixels of an end that has the focus
const FAR = 5; // stops that the page keys move

/**
 * The filter after an end of a range is moved. It does not go beyond the other end.
 * @param {import("./key-axis.js").KeyAxis} axis
 * @param {?Object} rule The present filter.
 * @param {0|1} end The lower one or the upper one.
 * @param {number} by Number of stops, also ±∞.
 */
export function movedEnd(axis, rule, end, by) {
  const bounds = axis.boundsOf(rule);
  const stops = by > 0 ? axis.stops : axis.stops.toReversed();
  const ahead = stops.filter((stop) => (by > 0 ? stop > bounds[end] : stop < bounds[end]));
  bounds[end] = ahead[Math.min(Math.abs(by), ahead.length) - 1] ?? bounds[end];
  if (bounds[0] > bounds[1]) bounds[end] = bounds[1 - end];
  return axis.ruleWithin(...bounds);
}

export class AxisEnds {
  #axes = [];
  #filter = {};
  #current = 0; // index of the axis whose ends the tab key comes to

  /** @param {(column: string, rule: ?Object) => void} brush */
  constructor(brush) {
    this.brush = brush;
    this.node = el("div", { class: "axis-ends", onkeydown: (event) => this.#onKey(event) });
  }

  /**
   * @param {(import("./key-axis.js").KeyAxis & {x: number})[]} axes
   * @param {string[]} names
   * @param {Object} filter
   */
  draw(axes, names, filter) {
    this.#axes = axes;
    this.#filter = filter;
    this.#current = Math.min(this.#current, axes.length - 1);
    while (this.node.children.length < 2 * axes.length) this.node.append(el("div", { role: "slider" }));
    while (this.node.children.length > 2 * axes.length) this.node.lastChild.remove();
    axes.forEach((axis, i) => END_NAMES.forEach((name, end) => this.#drawEnd(i, end, `${names[i]}, ${name}`)));
  }

  #drawEnd(i, end, label) {
    const axis = this.#axes[i];
    const bound = axis.boundsOf(this.#filter[axis.column] ?? null)[end];
    const said = {
      "aria-label": label,
      "aria-orientation": "vertical",
      "aria-valuemin": 0,
      "aria-valuemax": axis.stops.length - 1,
      "aria-valuenow": Math.max(
        0,
        axis.stops.findLastIndex((stop) => stop <= bound),
      ),
      "aria-valuetext": axis.boundText(bound),
    };
    const node = this.node.children[2 * i + end];
    for (const [name, value] of Object.entries(said)) node.setAttribute(name, value);
    node.tabIndex = i === this.#current ? 0 : -1;
    place(node, { x: axis.x - SIZE.width / 2, y: axis.boundPlace(bound, end) - SIZE.height / 2, ...SIZE });
  }

  #onKey(event) {
    const at = [...this.node.children].indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const [i, end] = [Math.floor(at / 2), at % 2];
    const axis = this.#axes[i];
    const rule = this.#filter[axis.column] ?? null;
    const move = (by) => () => this.brush(axis.column, movedEnd(axis, rule, end, by));
    const act = {
      ArrowUp: move(1),
      ArrowDown: move(-1),
      PageUp: move(FAR),
      PageDown: move(-FAR),
      End: move(Infinity),
      Home: move(-Infinity),
      ArrowLeft: () => this.#focus(i - 1, end),
      ArrowRight: () => this.#focus(i + 1, end),
      Escape: rule && (() => this.brush(axis.column, null)),
    }[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }

  #focus(i, end) {
    if (!this.#axes[i]) return;
    this.#current = i;
    [...this.node.children].forEach((node, at) => (node.tabIndex = Math.floor(at / 2) === i ? 0 : -1));
    this.node.children[2 * i + end].focus();
  }
}

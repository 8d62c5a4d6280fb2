/** The plot of the objective against one key, on two canvases: the second follows the pointer. */

import { clearedContext, hiddenCanvas, pageColours } from "../../shared/static/canvas.js";
import { el, oncePerFrame } from "../../shared/static/dom.js";
import { drawKey, keyDots, keyScales, meanAt, meanBars, nearestDot } from "./key-drawing.js";
import { meansBy } from "./key-statistics.js";

const COLOURS = ["line", "quiet", "line-b", "accent", "accent-text", "text", "panel"];

export class KeyPlot {
  #shown = null; // {size, scales, dots, bars, objective, page}

  /**
   * @param {string} key
   * @param {{point: (setting: ?Object) => void, pick: (setting: Object) => void,
   *     pointMean: (key: string, group: ?Object) => void}} react
   */
  constructor(key, react) {
    this.key = key;
    [this.base, this.overlay] = [hiddenCanvas(), hiddenCanvas()];
    this.area = el("div", { class: "key-area", role: "img" }, this.base, this.overlay);
    this.title = el("figcaption", { title: key }, key);
    this.node = el("figure", { class: "key-plot", "data-key": key }, this.title, this.area);
    let at = null;
    const point = oncePerFrame(() => {
      const found = at && this.#shown && nearestDot(this.#shown.dots, at);
      react.pointMean(key, at && !found && this.#shown ? meanAt(this.#shown.bars, at) : null);
      react.point(found);
    });
    this.area.addEventListener("pointermove", ({ clientX, clientY }) => {
      const { left, top } = this.area.getBoundingClientRect();
      at = [clientX - left, clientY - top];
      point();
    });
    this.area.addEventListener("pointerleave", () => {
      at = null;
      point();
    });
    this.area.addEventListener("click", () => {
      const found = at && this.#shown && nearestDot(this.#shown.dots, at);
      if (found) react.pick(found);
    });
  }

  /** Compute what a table says of the key; `drawPassing` draws it. */
  draw(table, share) {
    const size = { width: this.area.clientWidth, height: this.area.clientHeight };
    if (!size.width) return;
    const scales = keyScales(this.key, table, size);
    const dots = keyDots(table.settings, scales);
    const bars = meanBars(meansBy(table.settings, this.key, table.scales[this.key]), scales);
    this.#shown = { size, scales, dots, bars, objective: table.objective, page: pageColours(COLOURS) };
    this.area.setAttribute("aria-label", `${table.objective} against ${this.key}, ${dots.length} settings`);
    this.title.replaceChildren(el("b", {}, this.key), share ? el("span", { class: "quiet" }, share) : "");
  }

  /** Draw the settings that pass the filter above the others. */
  drawPassing(passing) {
    if (!this.#shown) return;
    const { size } = this.#shown;
    drawKey(clearedContext(this.base, size.width, size.height), { ...this.#shown, passing });
  }

  /** Let the dot of a setting stand out; null: none. */
  mark(id) {
    if (!this.#shown) return;
    const { size, dots, page } = this.#shown;
    const context = clearedContext(this.overlay, size.width, size.height);
    const found = dots.find(({ setting }) => setting.id === id);
    if (!found) return;
    context.beginPath();
    context.arc(found.x, found.y, 5.5, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: page["line-b"], strokeStyle: page.text, lineWidth: 2 });
    context.fill();
    context.stroke();
  }
}

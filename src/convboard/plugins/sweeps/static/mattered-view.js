/** What mattered: importance of the keys, the objective against each, two keys together, and all in parallel. */

import { el, oncePerFrame, place } from "../../shared/static/dom.js";
import { plural, share } from "../../shared/static/format.js";
import { objectiveRange } from "./goodness.js";
import { heatMap } from "./heat-map.js";
import { importanceBars } from "./importance-bars.js";
import { KeyPlot } from "./key-plot.js";
import { byImportance } from "./key-statistics.js";
import { ParallelPlot } from "./parallel-plot.js";
import { colouring } from "./setting-colours.js";
import { configValue, metric, settingName, withDeviation } from "./words.js";

const VIEW = "mattered";
const MOST_AXES = 9; // in the parallel coordinates: the most important keys, and the objective
const MANY_KEYS = 4; // plots beside each other that a small window has room for
const TIP = { width: 260, away: 14 }; // pixels of what is said of the setting that is pointed at

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export const matteredView = (store, actions) => new MatteredView(store, actions).node;

class MatteredView {
  #plots = []; // of keys
  #mean = null; // {key, group} of the mean that is pointed at

  constructor(store, actions) {
    this.store = store;
    this.react = {
      point: (setting) => store.set({ pointed: setting?.id ?? null }),
      pointMean: (key, group) => this.#pointMean(key, group),
      pick: (setting) => actions.togglePicked(setting.id),
      brush: actions.setFilter,
    };
    this.importance = importanceBars();
    this.heat = heatMap(store);
    this.parallel = new ParallelPlot(this.react);
    this.plots = el("div", { class: "key-plots" });
    this.note = el("p", { class: "quiet" });
    this.about = el("span", { class: "quiet" });
    this.nothing = el("p", { class: "no-plots", role: "status", hidden: true });
    this.tip = el("div", { class: "tip", role: "status", hidden: true });
    this.node = this.#layout();
    this.#listen();
  }

  #layout() {
    const keys = el(
      "section",
      { class: "keys-section", "aria-label": "The objective against each key" },
      el("header", {}, el("h3", {}, "Each key"), this.about),
      this.plots,
    );
    const hint = el(
      "span",
      { class: "quiet" },
      "drag along an axis to filter (by keys: Tab, ↑ ↓), click it to show all again",
    );
    const all = el(
      "section",
      { class: "parallel", "aria-label": "All keys together" },
      el("header", {}, el("h3", {}, "All keys together"), hint, this.note),
      this.parallel.node,
    );
    this.parts = el("div", { class: "mattered-parts" }, this.importance.node, keys, this.heat.node, all);
    const inside = [this.nothing, this.parts, this.tip];
    return el("section", { class: "view mattered-view", "aria-label": "What mattered" }, inside);
  }

  #listen() {
    const { store } = this;
    const draw = oncePerFrame(() => this.#draw());
    const whenSeen = (act) => (state) => state.view === VIEW && state.table && act(state);
    store.subscribe(["view", "table", "importance", "theme", "width", "height"], whenSeen(draw));
    const drawPassing = oncePerFrame(() => this.#drawPassing());
    store.subscribe(["matching", "filter"], whenSeen(drawPassing));
    store.subscribe(["keyX", "keyY"], whenSeen(this.heat.draw));
    store.subscribe(["pointed"], whenSeen(oncePerFrame(() => this.#mark())));
    this.node.addEventListener("pointermove", ({ clientX, clientY }) => (this.pointer = [clientX, clientY]));
    const sizes = new ResizeObserver(draw);
    for (const node of [this.node, this.parallel.node]) sizes.observe(node);
  }

  #draw() {
    const state = this.store.get();
    if (state.view !== VIEW || !state.table || !this.node.clientWidth) return;
    const { table } = state;
    this.nothing.textContent = reasonForNothing(table);
    this.parts.hidden = Boolean(this.nothing.textContent);
    this.nothing.hidden = !this.parts.hidden;
    if (this.parts.hidden) return;
    this.importance.draw(state);
    this.heat.draw(state);
    this.#drawKeys(state);
    const columns = this.#columns(state);
    const hidden = table.keys.length + 1 - columns.length;
    const which = isRanked(state) ? " that matter less" : "";
    this.note.textContent = hidden ? `without ${plural(hidden, "key")}${which}` : "";
    const all = table.settings.map((setting) => ({ setting, index: 0 }));
    this.parallel.draw({
      table,
      columns,
      colours: colouring(all, { ...state, colourBy: "@objective" }),
      width: this.parallel.node.clientWidth,
      height: this.parallel.node.clientHeight,
    });
    this.#drawPassing();
  }

  #columns(state) {
    const shown = new Set(byImportance(state).slice(0, MOST_AXES - 1));
    return [...state.table.keys.filter((key) => shown.has(key)), "@objective"];
  }

  #drawKeys(state) {
    const { table, importance } = state;
    const isCut = objectiveRange(table)?.isCut;
    const order = byImportance(state);
    const first = isRanked(state) ? ", the most important first" : "";
    const more = order.length > MANY_KEYS ? `; ${order.length} keys${first}` : "";
    const edge = isCut ? "; much worse ones are at the edge" : "";
    this.about.textContent = `a dot for each setting, and means${edge}${more}`;
    if (order.join() !== this.#plots.map(({ key }) => key).join()) {
      this.#plots = order.map((key) => new KeyPlot(key, this.react));
      this.plots.replaceChildren(...this.#plots.map(({ node }) => node));
    }
    for (const plot of this.#plots) {
      const part = importance?.shares[plot.key];
      plot.draw(table, part === undefined ? "" : share(part));
    }
  }

  #drawPassing() {
    const { matching, filter } = this.store.get();
    const passing = new Set(matching.map(({ id }) => id));
    for (const plot of this.#plots) plot.drawPassing(passing);
    this.parallel.drawPassing(passing, filter);
    this.#mark();
  }

  #pointMean(key, group) {
    const isOther = group !== (this.#mean?.group ?? null);
    this.#mean = group && { key, group };
    if (isOther) this.#mark();
  }

  /** Let the setting that is pointed at stand out everywhere, and say what it is; or what a mean is. */
  #mark() {
    const { pointed, table } = this.store.get();
    for (const plot of this.#plots) plot.mark(pointed);
    this.parallel.mark(pointed);
    const setting = table.settings.find(({ id }) => id === pointed);
    this.node.classList.toggle("pointing", Boolean(setting));
    this.#tell(setting ? settingLines(setting, table) : this.#mean ? meanLines(this.#mean, table) : null);
  }

  /** @param {?HTMLElement[]} lines Null: nothing. */
  #tell(lines) {
    if (!lines || !this.pointer) return place(this.tip, null);
    this.tip.replaceChildren(...lines);
    const { left, top, width } = this.node.getBoundingClientRect();
    const [x, y] = [this.pointer[0] - left + TIP.away, this.pointer[1] - top + TIP.away];
    this.tip.hidden = false;
    const fitting = Math.min(x, width - TIP.width - TIP.away);
    this.tip.style.transform = `translate(${fitting}px, ${y}px)`;
    return undefined;
  }
}

const settingLines = (setting, { keys, objective }) => [
  el("b", {}, settingName(setting, keys)),
  el("span", {}, `${withDeviation(objective, setting)}, n ${setting.n}`),
  el("span", { class: "quiet" }, "click to pick it or leave it out"),
];

const meanLines = ({ key, group: { low, high, mean, n } }, { objective }) => [
  el("b", {}, `${key} ${low === high ? configValue(low) : `${configValue(low)} to ${configValue(high)}`}`),
  el("span", {}, `mean ${metric(objective, mean)} of ${plural(n, "setting")}`),
];

/** Whether it is known which keys matter more. */
const isRanked = ({ importance }) => Object.keys(importance?.shares ?? {}).length > 0;

/** Why there is nothing to show; empty if there is. */
function reasonForNothing({ keys, settings }) {
  if (!keys.length) return "These runs differ in nothing but the seed: the table and the curves show them.";
  if (!settings.some(({ mean }) => mean !== null)) return "No run has a result so far.";
  return "";
}

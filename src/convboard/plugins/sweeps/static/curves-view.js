/** Curves: any scalar tag of the chosen settings, as the mean over their seeds with a band. */

import { el, oncePerFrame } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";
import { curveControls } from "./curve-controls.js";
import { CurveLegend } from "./curve-legend.js";
import { CurveLoader, shownTag } from "./curve-loader.js";
import { CurvePlot } from "./curve-plot.js";
import { seriesOf } from "./curve-series.js";
import { isSeen } from "./poller.js";
import { chosenSettings } from "./selection.js";
import { colouring } from "./setting-colours.js";

const VIEW = "curves";
const AGAIN_MS = 10_000; // from reading curves that may grow to reading them again
const SOON_MS = 2_000;
const LOADED_BY = ["view", "folder", "table", "picked", "matching", "tag", "tags"];
const DATA = ["table", "matching", "picked", "curves", "tags", "curvesProblem"];
const OPTIONS = ["tag", "axis", "smoothing", "band", "logX", "logY", "zoom", "colourBy"];
const SHOWN_BY = ["view", "theme", "width", "height"];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function curvesView(store, actions) {
  const loader = new CurveLoader(store);
  const view = new CurvesView(store, actions);
  store.subscribe(["folder"], () => store.set({ tags: null }));
  store.subscribe(["view", "table"], (state) => state.view === VIEW && state.table && loader.loadTags());
  store.subscribe(LOADED_BY, (state) => state.view === VIEW && loader.loadCurves());
  askAgain(store, loader);
  return view.node;
}

/** Ask for what is new from time to time; soon where TensorBoard has not read any curve of these runs so far. */
function askAgain(store, loader) {
  const state = store.get();
  const { view, table, tags, isGone } = state;
  const hasTags = Boolean(tags?.length);
  setTimeout(() => askAgain(store, loader), hasTags ? AGAIN_MS : SOON_MS);
  if (view !== VIEW || !table || isGone || !isSeen(state)) return;
  if (hasTags) loader.loadCurves();
  else loader.loadTags();
}

class CurvesView {
  #series = [];
  #at = null; // the place of the crosshair

  constructor(store, actions) {
    this.store = store;
    const point = (pointed) => store.set({ pointed });
    const zoom = (ranges) => store.set({ zoom: ranges });
    this.plot = new CurvePlot({ point: (at, id) => this.#onPoint(at, id), zoom });
    this.legend = new CurveLegend({ point, remove: actions.togglePicked });
    this.message = el("p", { class: "plot-message", role: "status" });
    this.area = el("div", { class: "plot-area" }, this.plot.node, this.message);
    this.node = el(
      "section",
      { class: "view curves-view", "aria-label": "Curves" },
      curveControls(store),
      el("div", { class: "curves-body" }, this.area, this.legend.node),
    );
    const draw = oncePerFrame(() => this.#draw());
    store.subscribe([...DATA, ...OPTIONS, ...SHOWN_BY], draw);
    store.subscribe(["pointed"], ({ pointed, view }) => {
      if (view !== VIEW) return;
      this.plot.mark(pointed);
      this.#mark();
    });
    new ResizeObserver(draw).observe(this.area);
  }

  #draw() {
    const state = this.store.get();
    if (state.view !== VIEW || !state.table) return;
    const chosen = chosenSettings(state);
    const colours = colouring(chosen, state);
    this.#series = seriesOf(chosen, state.curves, colours, state);
    const isPicked = state.picked.some((id) => chosen.some(({ setting }) => setting.id === id));
    this.legend.draw({ chosen, series: this.#series, colours, table: state.table, isPicked });
    const drawn = this.#series.filter(({ curve }) => curve.x.length);
    this.message.textContent = this.#messageOf(state, chosen);
    this.message.classList.toggle("beside", drawn.length > 0);
    const { clientWidth: width, clientHeight: height } = this.area;
    if (!width) return;
    const tag = shownTag(state);
    this.plot.node.setAttribute(
      "aria-label",
      `${tag} of ${plural(drawn.length, "setting")}; left and right move along the curves, up and down between them`,
    );
    this.plot.draw(drawn, { ...state, tag, width, height });
    this.#mark();
  }

  #messageOf({ curvesOf, curvesProblem, axis, tags }, chosen) {
    if (curvesProblem) return curvesProblem;
    if (!chosen.length) return "No setting passes the filters.";
    if (tags && !tags.length) return "TensorBoard has not read any curves of these runs so far.";
    if (!curvesOf) return "Reading the curves …";
    if (!this.#series.length) return "None of the chosen settings has points of this tag so far.";
    const missing = this.#series.reduce((sum, each) => sum + each.missing, 0);
    if (!missing || axis !== "epoch") return "";
    return `${plural(missing, "run")} without a known number of steps an epoch: see by step.`;
  }

  #onPoint(at, id) {
    this.#at = at;
    if (this.store.get().pointed === id) this.#mark();
    else this.store.set({ pointed: id });
  }

  #mark() {
    const state = this.store.get();
    const ends = this.#series.map(({ curve }) => curve.x.at(-1) ?? 0);
    const reach = 0.01 * Math.max(0, ...ends);
    const { axis, band, pointed } = state;
    this.legend.mark({ series: this.#series, at: this.#at, axis, band, tag: shownTag(state), pointed, reach });
  }
}

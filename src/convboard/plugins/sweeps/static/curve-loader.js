/** Fetches the curves of the chosen settings, and puts them into the store. */

import { getCurves, getTags } from "./api.js";
import { chosenSettings } from "./selection.js";

const SETTLED_MS = 30_000; // after which TensorBoard has read all that a run has written
const ENDED = new Set(["finished", "pruned", "failed", "interrupted"]); // runs whose curves do not grow

export class CurveLoader {
  #of = null; // folder and tag of the curves that are held
  #curves = new Map(); // by run
  #whole = new Set(); // runs whose curves will not grow any more
  #ended = new Map(); // of runs that have ended: number of points and time at which they were read
  #request = 0; // number of the latest request; answers to earlier ones are dropped

  /** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
  constructor(store) {
    this.store = store;
  }

  /** Read the tags of the folder. */
  async loadTags() {
    const { folder } = this.store.get();
    try {
      const tags = await getTags(folder);
      if (this.store.get().folder === folder) this.store.set({ tags });
    } catch (error) {
      this.#tell(error);
    }
  }

  /** Read the curves of the chosen settings that are not held, or that may have grown since. */
  async loadCurves() {
    const state = this.store.get();
    const tag = shownTag(state);
    if (!state.table || !tag) return;
    this.#forgetOthers(JSON.stringify([state.folder, tag]));
    const runs = chosenSettings(state).flatMap(({ setting }) => setting.runs);
    const wanted = runs.filter(({ run }) => !this.#whole.has(run));
    if (!wanted.length) return;
    this.#request += 1;
    const request = this.#request;
    try {
      const names = wanted.map(({ run }) => run);
      const found = await getCurves(state.folder, tag, names);
      if (request === this.#request) this.#keep(wanted, found);
    } catch (error) {
      if (request === this.#request) this.#tell(error);
    }
  }

  #forgetOthers(of) {
    if (of === this.#of) return;
    this.#of = of;
    this.#curves = new Map();
    this.#whole = new Set();
    this.#ended = new Map();
    this.store.set({ curves: this.#curves, curvesOf: null });
  }

  #keep(wanted, found) {
    for (const { run, state } of wanted) {
      const curve = found[run];
      if (!curve) continue;
      this.#curves.set(run, { ...curve, values: curve.values.map(Number) }); // "NaN" is a text in JSON
      if (ENDED.has(state)) this.#markWhole(run, curve.steps.length);
    }
    this.#curves = new Map(this.#curves);
    this.store.set({ curves: this.#curves, curvesOf: this.#of, curvesProblem: "" });
  }

  /** TensorBoard reads what a run has written some seconds later: a curve is whole if it has not grown meanwhile. */
  #markWhole(run, points) {
    const before = this.#ended.get(run);
    if (before?.points !== points) this.#ended.set(run, { points, at: Date.now() });
    else if (Date.now() - before.at > SETTLED_MS) this.#whole.add(run);
  }

  #tell(error) {
    if (!error.kind) throw error; // a mistake in this tab: the console shows it
    if (error.kind !== "gone") this.store.set({ curvesProblem: error.message }); // the tab itself says that it is gone
  }
}

/** The tag whose curves are shown: the chosen one, or else the objective. */
export function shownTag({ tag, tags, table }) {
  const isThere = (one) => !tags?.length || tags.includes(one);
  if (tag && isThere(tag)) return tag;
  return table && !isThere(table.objective) ? tags[0] : (table?.objective ?? null);
}

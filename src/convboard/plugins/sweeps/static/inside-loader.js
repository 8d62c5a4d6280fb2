/** Fetches what the view Inside shows: the pictures of its runs, and the numbers in them. */

import { forgetNumbers, getNumbers } from "../../shared/static/numbers.js";
import { getInside, getPictured } from "./api.js";
import {
  MOST,
  epochIndex,
  epochsOf,
  insideRuns,
  layerCounts,
  layerFor,
  layerNames,
  pictureAt,
  tagOf,
} from "./inside-choice.js";

const PROBE = "input/probe";
const NOUNS = { maps: "feature maps", kernels: "weights" };
const LIVE = new Set(["running", "waiting"]);

/**
 * @typedef {Object} Cell What is shown of a run.
 * @property {Object} setting
 * @property {number} index It gives the colour.
 * @property {import("./api.js").Run} run
 * @property {import("./inside-choice.js").Inside} inside
 * @property {?string} layer Whose picture it is; see `layerFor`.
 * @property {?Object} picture See `pictureAt`.
 * @property {?{facts: Object, arrays: Object}} numbers In the picture.
 * @property {?{facts: Object, arrays: Object}} probe The probe images of the run.
 * @property {string} problem Why there are no numbers; empty where there are.
 */

/**
 * @typedef {{shows: string, cells: Cell[], left: number, layers: {name: string, runs: number}[], layer: ?string,
 *     epochs: number[], epoch: ?number, isPictured: boolean, command: string}} Scene `left` is the number of runs that
 *     are not shown; `runs` that of those which have the layer; `isPictured` tells whether any run of the folder has
 *     pictures, `command` draws those of the best ones.
 */

export class InsideLoader {
  #request = 0; // number of the latest request; answers to earlier ones are dropped
  #folder = null;
  #pictured = null; // promise of the runs of the folder that have pictures
  #insides = new Map(); // promise of each run's pictures
  #known = new Map(); // what the server said of each run last

  /** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
  constructor(store) {
    this.store = store;
  }

  /** Ask the server anew when it is asked next. */
  forget() {
    this.#pictured = null;
    this.#insides.clear();
  }

  /** Fetch what the choices show. An answer that comes too late is dropped. */
  async refresh() {
    this.#request += 1;
    const request = this.#request;
    try {
      const scene = await this.#scene();
      if (request === this.#request) this.store.set({ inside: scene, insideProblem: "" });
    } catch (error) {
      if (!error.kind) throw error; // a mistake in this tab: the console shows it
      this.forget();
      if (request === this.#request && error.kind !== "gone") this.store.set({ insideProblem: error.message });
    }
  }

  async #scene() {
    const { folder } = this.store.get();
    if (folder !== this.#folder) this.forget();
    this.#folder = folder;
    this.#pictured ??= getPictured(folder);
    const { runs: names, command } = await this.#pictured;
    const state = this.store.get();
    const wanted = insideRuns({ ...state, pictured: new Set(names) });
    const shown = wanted.slice(0, MOST);
    const found = await Promise.all(shown.map(({ run }) => this.#inside(run.run)));
    return {
      ...(await sceneOf(shown, found, state)),
      left: wanted.length - shown.length,
      command,
      isPictured: names.length > 0,
    };
  }

  #inside(run) {
    if (!this.#insides.has(run)) this.#insides.set(run, this.#fetch(run));
    return this.#insides.get(run);
  }

  async #fetch(run) {
    const inside = await getInside(run);
    const known = this.#known.get(run);
    if (known && known !== inside) forgetNumbers(); // keys may mean other pictures now
    this.#known.set(run, inside);
    return inside;
  }
}

async function sceneOf(shown, insides, { shows, layer: wanted, epoch: chosen }) {
  const layers = layerNames(insides, shows);
  const runs = layerCounts(insides, shows, layers);
  const layer = layers.includes(wanted) ? wanted : (layers[runs.indexOf(Math.max(...runs))] ?? null);
  const own = insides.map((inside) => layerFor(inside, insides, shows, layer));
  const tags = insides.map((inside, i) => tagOf(inside, shows, own[i]));
  const epochs = epochsOf(insides, tags);
  const epoch = epochs[epochIndex(epochs, chosen)] ?? null;
  const cells = await Promise.all(
    shown.map((of, i) => cellOf({ ...of, inside: insides[i], layer: own[i]?.name ?? null }, shows, tags[i], epoch)),
  );
  return { shows, cells, layers: layers.map((name, i) => ({ name, runs: runs[i] })), layer, epochs, epoch };
}

/** What is shown of a run. */
async function cellOf(of, shows, tag, epoch) {
  const picture = tag && pictureAt(of.inside, tag, epoch);
  const cell = { ...of, picture, numbers: null, probe: null, problem: "" };
  if (!picture) return { ...cell, problem: missing(of, shows) };
  const probe = shows === "maps" ? pictureAt(of.inside, PROBE, epoch) : null;
  try {
    const [numbers, images] = await Promise.all([getNumbers(picture.key), probe && getNumbers(probe.key)]);
    return { ...cell, numbers, probe: images };
  } catch (error) {
    return { ...cell, problem: error.message };
  }
}

/** Why a run has no picture. */
function missing({ run, inside }, shows) {
  const soFar = LIVE.has(run.state) ? " so far" : "";
  if (!Object.keys(inside.pictures).length) return `This run has no pictures${soFar}.`;
  if (shows === "confusion") return `This run has no confusion matrix${soFar}.`;
  return `Its network has no ${NOUNS[shows]} of a layer of this name.`;
}

/** Fetches what the view Inside shows: the pictures of its runs, and the numbers in them. */

import { forgetNumbers, getNumbers } from "../../shared/static/numbers.js";
import { getInside, getPictured } from "./api.js";
import { MOST, epochIndex, epochsOf, insideRuns, layerNames, pictureAt, tagOf } from "./inside-choice.js";

const PROBE = "input/probe";

/**
 * @typedef {Object} Cell What is shown of a run.
 * @property {Object} setting
 * @property {number} index It gives the colour.
 * @property {import("./api.js").Run} run
 * @property {?import("./inside-choice.js").Inside} inside
 * @property {?number} epoch Of the picture.
 * @property {?{facts: Object, arrays: Object}} numbers In the picture.
 * @property {?{facts: Object, arrays: Object}} probe The probe images of the run.
 * @property {string} problem Why there are no numbers; empty where there are.
 */

/**
 * @typedef {{shows: string, cells: Cell[], left: number, layers: string[], layer: ?string, epochs: number[],
 *     epoch: ?number, isPictured: boolean, command: string}} Scene `left` is the number of runs that are not shown;
 *     `isPictured` tells whether any run of the folder has pictures, `command` draws those of the best ones.
 */

export class InsideLoader {
  #request = 0; // number of the latest request; answers to earlier ones are dropped
  #folder = null;
  #pictured = null; // promise of the runs of the folder that have pictures
  #insides = new Map(); // promise of each run's pictures
  #texts = new Map(); // what the server said of each run, to see whether it has changed

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
    const text = JSON.stringify(inside.pictures);
    if (this.#texts.has(run) && this.#texts.get(run) !== text) forgetNumbers(); // keys may mean other pictures now
    this.#texts.set(run, text);
    return inside;
  }
}

async function sceneOf(shown, insides, { shows, layer: wanted, epoch: chosen }) {
  const layers = layerNames(insides, shows);
  const layer = layers.includes(wanted) ? wanted : (layers[0] ?? null);
  const epochs = epochsOf(insides, shows, layer);
  const epoch = epochs[epochIndex(epochs, chosen)] ?? null;
  const cells = await Promise.all(shown.map((of, i) => cellOf(of, insides[i], { shows, layer, epoch })));
  return { shows, cells, layers, layer, epochs, epoch };
}

async function cellOf(of, inside, { shows, layer, epoch }) {
  const cell = { ...of, inside, epoch: null, numbers: null, probe: null, problem: "" };
  const tag = tagOf(inside, shows, layer);
  const picture = tag && pictureAt(inside, tag, epoch);
  if (!picture) return { ...cell, problem: missing(of, inside, shows, layer) };
  const probe = shows === "maps" ? pictureAt(inside, PROBE, epoch) : null;
  try {
    const [numbers, images] = await Promise.all([getNumbers(picture.key), probe && getNumbers(probe.key)]);
    return { ...cell, epoch: picture.epoch, numbers, probe: images };
  } catch (error) {
    return { ...cell, problem: error.message };
  }
}

const NOUNS = { maps: "feature maps", kernels: "weights" };

function missing({ run }, { pictures }, shows, layer) {
  if (!Object.keys(pictures).length) {
    return run.value === null ? `This run has no pictures so far: it is ${run.state}.` : "This run has no pictures.";
  }
  if (shows === "confusion") return "This run has no confusion matrix so far.";
  return layer === null
    ? `This run has no pictures of ${NOUNS[shows]}.`
    : `Its network has no ${NOUNS[shows]} of a layer ${layer}.`;
}

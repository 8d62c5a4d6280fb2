/** Fetches what is shown: a run's record, the chosen layer's scene, the curves; and puts it into the store. */

import { getHealth } from "./api.js";
import { createRunStore } from "./runs.js";
import { loadScene, prefetch } from "./scene.js";

const byValue = (a, b) => a - b;

export class Loader {
  #sceneRequest = 0; // number of the latest request; answers to earlier ones are dropped

  /** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
  constructor(store) {
    this.store = store;
    this.runs = createRunStore();
  }

  /** @param {boolean} [isAnew] Ask the server, even for a run that is held. */
  loadRun(name, isAnew = false) {
    const { run, compare } = this.store.get();
    return this.runs.load(name, [run, compare], isAnew);
  }

  /** Fetch what the chosen layer, step and image show. An answer that comes too late is dropped. */
  async refreshScene() {
    const state = this.store.get();
    const run = this.runs.get(state.run);
    if (!run || !state.layer || state.shownStep === null) return;
    this.#sceneRequest += 1;
    const request = this.#sceneRequest;
    const wanted = { layer: state.layer, step: state.shownStep, image: state.image };
    const [scene, second] = await Promise.all([loadScene(run, wanted), this.#secondScene(state, wanted)]);
    if (request !== this.#sceneRequest) return;
    this.store.set({ scene, sceneB: second.scene, compareProblem: second.problem, ...existingImage(scene, state) });
    const at = state.steps.indexOf(state.shownStep);
    const neighbours = [state.steps[at + 1], state.steps[at - 1]];
    prefetch(
      run,
      wanted,
      neighbours.filter((step) => step !== undefined),
    );
  }

  async #secondScene({ compare, record }, wanted) {
    const run = compare && this.runs.get(compare);
    if (!run) return { scene: null, problem: this.store.get().compareProblem };
    if (!run.record.byName.has(wanted.layer)) {
      const problem = `${compare} has no layer ${wanted.layer}: its network is ${run.record.name}.`;
      return { scene: null, problem };
    }
    // The same epoch: the two runs may take different numbers of steps for one.
    const step = Math.round((wanted.step / record.stepsPerEpoch) * run.record.stepsPerEpoch);
    const scene = await loadScene(run, { ...wanted, step });
    return { scene, problem: scene.probe ? "" : `${compare} has no probe image at that step or before.` };
  }

  /**
   * Fetch the curves of a run.
   * @param {"health"|"healthB"} key Where they go: of the run, or of the one it is compared with.
   */
  async refreshHealth(name, key) {
    const isFirst = key === "health";
    try {
      const health = await getHealth(name);
      const { run, compare } = this.store.get();
      if ((isFirst ? run : compare) !== name) return;
      this.store.set(isFirst ? { health, healthProblem: "" } : { healthB: health });
    } catch (error) {
      if (isFirst) this.store.set({ healthProblem: `The curves cannot be shown: ${error.message}` });
    }
  }

  /** Show a run at the layer and step that are wanted, or at the nearest that it has. */
  showRun(run, wanted) {
    const { record } = run;
    const steps = stepsOf(run);
    const layer = record.byName.has(wanted.layer) ? wanted.layer : (record.convs[0] ?? record.rows[0]).name;
    const problem = steps.length ? null : { kind: "pictures", run: wanted.run };
    const { config, best } = run;
    this.store.set({ record, config, best, steps, shownStep: nearestStep(steps, wanted.step), layer, problem });
  }

  /** Show a problem in place of a run. */
  showProblem(kind, run, { message }) {
    this.#sceneRequest += 1; // a scene that is still on its way belongs to what was shown before
    const problem = { kind, run, message };
    this.store.set({ problem, record: null, scene: null, steps: [], shownStep: null, hover: null });
  }
}

/** All steps at which a run has a picture, in ascending order. */
function stepsOf({ pictures }) {
  const all = Object.values(pictures).flatMap((list) => list.map(({ step }) => step));
  return [...new Set(all)].toSorted(byValue);
}

/** The last step at or before the wanted one, else the first; the last one where none is wanted. */
function nearestStep(steps, wanted) {
  if (wanted === null) return steps.at(-1) ?? null;
  return steps.findLast((step) => step <= wanted) ?? steps[0] ?? null;
}

/** The first image where the run has none of the chosen number: a link may ask for it, another run may lack it. */
function existingImage({ probe }, { image }) {
  const count = probe?.arrays.images.shape[0];
  return count && image >= count ? { image: 0 } : {};
}

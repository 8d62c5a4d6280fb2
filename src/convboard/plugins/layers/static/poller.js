/** Looks for new runs and new epochs from time to time. */

import { getRuns } from "./api.js";
import { compareFailure } from "./navigation.js";

const POLL_MS = 30000;
const LOST = new Set(["missing", "unreadable", "refused"]); // answers by which a run is taken away

export class Poller {
  /**
   * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
   * @param {import("./loader.js").Loader} loader
   * @param {(wanted: Object) => Promise<void>} open Called while no run is shown.
   */
  constructor(store, loader, open) {
    this.store = store;
    this.loader = loader;
    this.open = open;
  }

  start() {
    setInterval(() => this.poll(), POLL_MS);
    document.addEventListener("visibilitychange", () => this.poll());
  }

  /** Ask the server once. Nothing is said where there is nothing new or no answer. */
  async poll() {
    if (document.hidden) return undefined;
    const { store } = this;
    const state = store.get();
    try {
      const listed = await getRuns();
      if (JSON.stringify(listed.runs) !== JSON.stringify(state.runs)) store.set(listed);
      if (!state.run) return this.open(state);
      await Promise.all([this.#refreshRun(state.run), state.compare && this.#refreshCompared(state.compare)]);
      store.set({ isGone: false });
    } catch (error) {
      store.set({ isGone: error.kind === "gone" });
      if (!error.kind) throw error; // a mistake in this tab
    }
    return undefined;
  }

  /** The run that is shown: it may have more epochs, be written anew, or be gone. */
  async #refreshRun(name) {
    const { store, loader } = this;
    try {
      const run = await loader.loadRun(name, true);
      const state = store.get();
      if (state.run !== name) return;
      const isFollowing = state.step === null && !state.unit && !state.hover;
      loader.showRun(run, { ...state, step: isFollowing ? null : (state.shownStep ?? state.step) });
      const isNew = run.record !== state.record || store.get().steps.join() !== state.steps.join();
      if (isNew || !state.scene) await loader.refreshScene();
      loader.refreshHealth(name, "health");
    } catch (error) {
      this.#loseRun(name, error);
    }
  }

  /** A run that cannot be read any more is taken away. One whose server is silent for a while stays. */
  #loseRun(name, error) {
    if (!LOST.has(error.kind)) throw error;
    this.loader.runs.forget(name);
    const state = this.store.get();
    if (state.run !== name) return;
    const wasShown = state.record || state.problem?.kind === "lost";
    this.loader.showProblem(error.kind === "missing" && wasShown ? "lost" : error.kind, name, error);
  }

  async #refreshCompared(name) {
    const { store, loader } = this;
    try {
      const run = await loader.loadRun(name, true);
      const state = store.get();
      if (state.compare !== name) return;
      store.set({ bestB: run.best });
      if (run.record === state.recordB) return;
      store.set({ recordB: run.record, configB: run.config, compareProblem: "" });
      loader.refreshHealth(name, "healthB");
    } catch (error) {
      if (error.kind === "gone" || !error.kind) throw error;
      loader.runs.forget(name);
      if (store.get().compare !== name) return;
      store.set({ recordB: null, sceneB: null, healthB: null, compareProblem: compareFailure(name, error) });
      return;
    }
    await loader.refreshScene();
  }
}

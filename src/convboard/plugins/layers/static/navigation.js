/** Going from run to run: by the first link, by a changed link, or by choosing one from the list. */

import { getRuns } from "./api.js";
import { checkLink } from "./link-check.js";

/** Why a run cannot be shown beside the other one. */
export const compareFailure = (name, error) => `${name} cannot be shown beside this run: ${error.message}`;

export class Navigation {
  #followed = null; // token of the link that was followed last

  /**
   * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
   * @param {import("./loader.js").Loader} loader
   * @param {{chooseStepAt: (index: number) => void}} choices
   */
  constructor(store, loader, choices) {
    this.store = store;
    this.loader = loader;
    this.choices = choices;
  }

  /** Begin with what a link asks for, else with the newest run. */
  async open(wanted) {
    const { store } = this;
    store.set({ loading: true });
    const loading = wanted.run && this.loader.loadRun(wanted.run); // at the same time as the list
    loading?.catch(() => null); // a failure is reported where the promise is awaited
    try {
      const { runs, others } = await getRuns();
      store.set({ runs, others, problem: runs.length ? null : { kind: "empty" } });
      if (!runs.length) return;
      const run = wanted.run ?? runs[0].name;
      const { layer, step, image, unit } = wanted;
      await this.chooseRun(run, { layer, step, image, unit }, loading);
      if (store.get().run !== run) return;
      await checkLink(wanted, store, () => this.loader.refreshScene());
      if (wanted.compare) await this.chooseCompare(wanted.compare);
    } catch (error) {
      store.set({ problem: { kind: error.kind ?? "unreadable", message: error.message } });
    } finally {
      store.set({ loading: false });
    }
  }

  /** Do what a changed link says. A link that comes meanwhile takes precedence. */
  async follow(wanted) {
    const { store } = this;
    const token = Symbol("link");
    this.#followed = token;
    const { run, compare, layer, step, image, unit, view } = wanted;
    if (run && run !== store.get().run) {
      await this.chooseRun(run, { layer, step, image, unit });
      if (this.#followed !== token || store.get().run !== run) return; // something else was chosen meanwhile
    }
    const { record, steps } = store.get();
    store.set({ image, unit, view, hover: null, ...(record?.byName.has(layer) ? { layer } : {}) });
    // Without a step a link asks for the last one, as it does when the tab is opened with it.
    const at = step === null ? steps.length - 1 : steps.findLastIndex((recorded) => recorded <= step);
    this.choices.chooseStepAt(Math.max(0, at));
    if (compare !== store.get().compare) await this.chooseCompare(compare);
    if (this.#followed === token) await checkLink(wanted, store, () => this.loader.refreshScene());
  }

  /** @param {?Promise} [loading] Of the run, where it has been asked for. */
  async chooseRun(name, wanted = {}, loading = null) {
    const { store } = this;
    const before = store.get();
    const next = { run: name, layer: before.layer, step: before.step, image: before.image, unit: null, ...wanted };
    if (next.compare === undefined && before.compare === name) next.compare = null;
    store.set({ ...next, loading: true, unmet: "" });
    try {
      const run = await (loading ?? this.loader.loadRun(name));
      if (store.get().run === name) await this.#show(run, next, name === before.run ? before.scene : null);
    } catch (error) {
      if (store.get().run === name) this.loader.showProblem(error.kind ?? "unreadable", name, error);
      if (!error.kind) throw error; // not the server's answer but a mistake in this tab: the console shows it
    } finally {
      store.set({ loading: false });
    }
  }

  async #show(run, wanted, scene) {
    this.store.set({ health: null, healthProblem: "", scene });
    this.loader.showRun(run, wanted);
    if (wanted.step === this.store.get().steps.at(-1)) this.store.set({ step: null }); // later ones are followed
    await this.loader.refreshScene();
    this.loader.refreshHealth(wanted.run, "health");
  }

  async chooseCompare(name) {
    const { store } = this;
    store.set({ compare: name, sceneB: null, recordB: null, healthB: null, compareProblem: "" });
    if (name) {
      try {
        const run = await this.loader.loadRun(name);
        if (store.get().compare !== name) return;
        store.set({ recordB: run.record, configB: run.config, bestB: run.best });
        this.loader.refreshHealth(name, "healthB");
      } catch (error) {
        store.set({ compareProblem: compareFailure(name, error) });
      }
    }
    await this.loader.refreshScene();
  }
}

/** Going from folder to folder: by the first link, by a changed link, or by choosing one from the list. */

import { getFolders, getTable } from "./api.js";

/** What is chosen in a folder, when another one is opened. */
const NOTHING = { sort: null, filter: {}, picked: [], pinned: [], expanded: [], run: null, zoom: null };

export class Navigation {
  /** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
  constructor(store) {
    this.store = store;
  }

  /** Begin with what a link asks for, else with the first folder. */
  async open(wanted) {
    const { store } = this;
    store.set({ ...wanted, loading: true });
    const loading = wanted.folder === null ? null : getTable(wanted.folder); // at the same time as the list
    loading?.catch(() => null); // a failure is reported where the promise is awaited
    try {
      const folders = await getFolders();
      store.set({ folders, problem: folders.length ? null : { kind: "empty" } });
      const folder = wanted.folder ?? folders[0]?.id ?? null;
      store.set({ folder });
      if (folders.length) await this.#load(folder, loading ?? getTable(folder));
    } catch (error) {
      this.#showProblem(error);
    } finally {
      store.set({ loading: false });
    }
  }

  /** Do what a changed link says. */
  async follow(wanted) {
    const { folder } = this.store.get();
    const next = { ...wanted, folder: wanted.folder ?? folder };
    if (next.folder === folder) this.store.set(next);
    else await this.chooseFolder(next.folder, next);
  }

  /** @param {Object} [chosen] What is chosen in it. */
  async chooseFolder(folder, chosen = NOTHING) {
    if (folder === this.store.get().folder) return;
    this.store.set({ ...chosen, folder, table: null, importance: null, problem: null, loading: true });
    await this.#load(folder, getTable(folder));
    this.store.set({ loading: false });
  }

  async #load(folder, loading) {
    try {
      const table = await loading;
      if (this.store.get().folder === folder) this.store.set({ table, problem: null });
    } catch (error) {
      if (this.store.get().folder === folder) this.#showProblem(error);
    }
  }

  #showProblem(error) {
    this.store.set({ problem: { kind: error.kind ?? "unreadable", message: error.message } });
    if (!error.kind) throw error; // not the server's answer but a mistake in this tab: the console shows it
  }
}

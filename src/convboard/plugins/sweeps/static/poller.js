/** Asks for new runs and new states from time to time: often while runs are being trained. */

import { getFolders, getTable } from "./api.js";

const OFTEN_MS = 3000;
const RARELY_MS = 30000;
const LIVE = new Set(["running", "waiting"]);

/** Whether the tab is shown; TensorBoard hides the frames of its other tabs, which have no width then. */
export const isSeen = ({ width }) => !document.hidden && width > 0;

/** What is shown where runs have been shown and are no longer there. */
const lost = ({ message }) => ({ problem: { kind: "lost", message }, table: null });

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {(wanted: Object) => Promise<void>} open Called while no folder is shown.
 * @returns {() => Promise<void>} Asks the server once. Nothing is said where there is nothing new or no answer.
 */
export function startPolling(store, open) {
  let timer = null;
  let isAsking = false;

  const isLive = ({ table }) => table?.settings.some(({ runs }) => runs.some(({ state }) => LIVE.has(state)));

  async function ask() {
    const { folder, problem } = store.get();
    if (folder === null || problem?.kind === "empty") return open(store.get());
    const [folders, table] = await Promise.all([getFolders(), getTable(folder)]);
    if (store.get().folder === folder) store.set({ folders, table, problem: null, isGone: false, askedAt: Date.now() });
    return undefined;
  }

  async function poll() {
    if (!isSeen(store.get()) || isAsking || store.get().loading) return;
    isAsking = true;
    try {
      await ask();
    } catch (error) {
      const isLost = error.kind === "missing" && store.get().table !== null;
      store.set({ isGone: error.kind === "gone", ...(isLost ? lost(error) : {}) });
      if (!error.kind) throw error; // a mistake in this tab
    } finally {
      isAsking = false;
      again();
    }
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        again(); // also where the tab is hidden
        poll();
      },
      isLive(store.get()) ? OFTEN_MS : RARELY_MS,
    );
  }

  store.subscribe(["table"], again);
  document.addEventListener("visibilitychange", poll);
  let width = 0;
  store.subscribe(["width"], (state) => {
    if (!width && state.width) poll(); // one has come back to this tab
    width = state.width;
  });
  again();
  return poll;
}

/** Plays through the epochs. */

const STEP_MS = 900; // how long an epoch stays

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{refreshScene: () => Promise<void>, chooseStepAt: (index: number) => void, moveStep: (by: number) => void}}
 *     actions
 * @returns {() => void} Plays, or pauses what plays.
 */
export function createPlayer(store, { refreshScene, chooseStepAt, moveStep }) {
  let playing = null; // token of the current play

  function pause() {
    playing = null;
    store.set({ playing: false });
  }

  return () => {
    if (playing !== null) return pause();
    const { steps, shownStep } = store.get();
    if (steps.length < 2) return undefined;
    const mine = Symbol("play");
    playing = mine;
    store.set({ playing: true });
    if (shownStep === steps.at(-1)) chooseStepAt(0);
    const next = async () => {
      if (playing !== mine) return;
      await refreshScene();
      if (playing !== mine) return; // paused meanwhile, and perhaps started again
      const state = store.get();
      if (!state.record || state.shownStep === state.steps.at(-1)) {
        pause();
        return;
      }
      moveStep(1);
      setTimeout(next, STEP_MS);
    };
    setTimeout(next, STEP_MS);
    return undefined;
  };
}

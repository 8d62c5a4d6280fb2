/** Plays through the epochs. */

const STEP_MS = 900; // how long an epoch stays

/**
 * @param {ReturnType<import("./store.js").createStore>} store `playing` says whether it plays.
 * @param {{placeOf: (state: Object) => ?{index: number, count: number}, refresh: () => Promise<void>,
 *     chooseAt: (index: number) => void}} epochs `placeOf` tells which epoch of how many is shown, null where none is;
 *     `refresh` waits until the chosen one is shown.
 * @returns {() => void} Plays, or pauses what plays.
 */
export function createPlayer(store, { placeOf, refresh, chooseAt }) {
  let playing = null; // token of the current play

  function pause() {
    playing = null;
    store.set({ playing: false });
  }

  return () => {
    if (playing !== null) return pause();
    const begin = placeOf(store.get());
    if (!begin || begin.count < 2) return undefined;
    const mine = Symbol("play");
    playing = mine;
    store.set({ playing: true });
    if (begin.index === begin.count - 1) chooseAt(0);
    const next = async () => {
      if (playing !== mine) return;
      await refresh();
      if (playing !== mine) return; // paused meanwhile, and perhaps started again
      const place = placeOf(store.get());
      if (!place || place.index === place.count - 1) {
        pause();
        return;
      }
      chooseAt(place.index + 1);
      setTimeout(next, STEP_MS);
    };
    setTimeout(next, STEP_MS);
    return undefined;
  };
}

/** The state of the tab: one flat object, and those who want to know when some of it changes. */

/**
 * @template {Object} S
 * @param {S} initial
 * @returns {{get: () => S, set: (patch: Partial<S>) => void,
 *     subscribe: (keys: string[], react: (state: S) => void) => void}}
 */
export function createStore(initial) {
  let state = { ...initial };
  const listeners = [];
  return {
    get: () => state,
    /** Change some of the state; those who listen to none of what changed hear nothing. */
    set(patch) {
      const changed = Object.keys(patch).filter((key) => !Object.is(state[key], patch[key]));
      if (!changed.length) return;
      state = { ...state, ...patch };
      for (const { keys, react } of listeners) if (keys.some((key) => changed.includes(key))) react(state);
    },
    subscribe(keys, react) {
      listeners.push({ keys, react });
    },
  };
}

/** What can be chosen, before anything is. */
export const NOTHING_CHOSEN = {
  run: null, // name of the run shown
  compare: null, // name of the run beside it
  layer: null, // name of a row of the network record, or "input"
  image: 0, // which probe image
  step: null, // global step; null: the last, also when a later one is written
  unit: null, // {channel, row, column}: the pinned unit of the layer's output
  view: "inside", // or "health"
};

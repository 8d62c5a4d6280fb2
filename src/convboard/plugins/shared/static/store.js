/** The state of a tab: one flat object, and listeners that are called when some of it changes. */

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
    /** Change some of the state. Listeners to none of the changed keys are not called. */
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

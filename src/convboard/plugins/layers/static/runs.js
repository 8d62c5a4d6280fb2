/** The runs in memory: their records, and the keys of their pictures. */

import { ApiError } from "../../shared/static/request.js";
import { forgetNumbers } from "../../shared/static/numbers.js";
import { getRun } from "./api.js";
import { readRecord } from "./record.js";

/**
 * @typedef {{text: string, record: Object, pictures: Object, config: Object, best: ?Object}} Run `text`: the record as
 *     the server gave it.
 */

/** @returns {{get: (name: string) => ?Run, load: Function, forget: (name: string) => void}} */
export function createRunStore() {
  const loaded = new Map(); // name to Run; two at most
  return {
    get: (name) => loaded.get(name),

    /**
     * @param {string} name
     * @param {string[]} inUse Names of the runs that are kept beside it.
     * @param {boolean} isAnew Ask the server, also for what is held.
     * @returns {Promise<Run>} With the record that is held, where the server's is the same.
     */
    async load(name, inUse, isAnew) {
      if (!isAnew && loaded.has(name)) return loaded.get(name);
      const { network, pictures, config, best } = await getRun(name);
      const text = JSON.stringify(network);
      const known = loaded.get(name);
      const isKnown = known?.text === text;
      if (known && !isKnown) forgetNumbers(); // another run of this name, whose pictures have the same keys
      const run = { text, record: isKnown ? known.record : understood(network), pictures, config, best };
      loaded.set(name, run);
      for (const other of loaded.keys()) if (other !== name && !inUse.includes(other)) loaded.delete(other);
      return run;
    },

    /** Forget a run that no longer exists. */
    forget(name) {
      if (loaded.delete(name)) forgetNumbers();
    },
  };
}

function understood(network) {
  try {
    return readRecord(network);
  } catch {
    throw new ApiError("unreadable", "Its network record is in a form that this tab does not know.");
  }
}

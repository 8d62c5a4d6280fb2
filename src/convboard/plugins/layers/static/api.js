/** Requests to the backend: JSON answers, and the arrays of pictures in a cache of bounded size. */

import { request } from "../../shared/static/request.js";
import { decodeNumbers } from "./decode.js";

const HELD_VALUES = 24e6; // numbers of decoded pictures that are kept, about 100 MB

/** @returns {Promise<{runs: import("./run-words.js").Entry[], others: string[]}>} The newest run first. */
export const getRuns = async () => (await request("runs")).json();

/**
 * @returns {Promise<{network: Object, pictures: Object<string, {step: number, key: string}[]>, config: Object,
 *     best: ?{step: number, metrics: Object<string, number>}}>}
 */
export const getRun = async (run) => (await request("run", { run })).json();

/** @returns {Promise<Object<string, Object<string, [number, number][]>>>} */
export const getHealth = async (run) => (await request("health", { run })).json();

const held = new Map(); // key to {promise, size}, the one used last at the end

/**
 * The numbers of a picture; decoded once, kept while there is room.
 * @param {string} key The blob key.
 */
export function getNumbers(key) {
  const entry = held.get(key) ?? { promise: fetchNumbers(key), size: 0 };
  held.delete(key);
  held.set(key, entry);
  return entry.promise;
}

/** Clear the cache: the keys belong to other pictures now. */
export const forgetNumbers = () => held.clear();

async function fetchNumbers(key) {
  try {
    const numbers = await decodeNumbers(await (await request("numbers", { key })).arrayBuffer());
    const size = Object.values(numbers.arrays).reduce((sum, { data }) => sum + data.length, 0);
    if (held.has(key)) held.get(key).size = size;
    makeRoom();
    return numbers;
  } catch (error) {
    held.delete(key); // the next one who asks tries again
    throw error;
  }
}

function makeRoom() {
  let total = 0;
  for (const { size } of held.values()) total += size;
  for (const [key, { size }] of held) {
    if (total <= HELD_VALUES || held.size === 1) return;
    held.delete(key);
    total -= size;
  }
}

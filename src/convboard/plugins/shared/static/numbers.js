/** The arrays of pictures, from a tab's backend, in a cache of bounded size. */

import { decodeNumbers } from "./decode.js";
import { request } from "./request.js";

const HELD_VALUES = 24e6; // numbers of decoded pictures that are kept, about 100 MB

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

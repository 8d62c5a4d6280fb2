/** Requests to the backend. What has not changed since it was asked for last is returned as the same object. */

import { request } from "../../shared/static/request.js";

const AT_ONCE = 50; // runs in one request: an address must not be too long

/**
 * @typedef {{n: number, mean: ?number, deviation: ?number, interval: ?number}} Figures Over the seeds of a setting;
 *     `interval` is half the width of the 95 % interval of the mean.
 * @typedef {{run: string, number: ?number, state: string, reason: string, seed: ?number, value: ?number,
 *     test: ?number, epochs: ?number, max_epochs: ?number, seconds: ?number, started: ?number, command: string}} Run
 * @typedef {Figures & {id: string, values: Object<string, any>, test: Figures, runs: Run[]}} Setting
 * @typedef {{objective: string, tested: string, is_maximised: boolean, keys: string[], settings: Setting[]}} Table
 */

const held = new Map(); // address to {text, content}

async function unlessSame(path, query = {}) {
  const address = `${path}?${new URLSearchParams(query)}`;
  const text = await (await request(path, query)).text();
  if (held.get(address)?.text !== text) held.set(address, { text, content: JSON.parse(text) });
  return held.get(address).content;
}

/**
 * @returns {Promise<{id: string, name: string, runs: number, counts: Object<string, number>, updated: number}[]>} Of
 *     each folder its `name` for people, the number of its runs, and by state, and when one was last started or ended.
 */
export const getFolders = () => unlessSame("folders");

/** @returns {Promise<Table>} */
export const getTable = (folder) => unlessSame("table", { folder });

/** @returns {Promise<{shares: Object<string, number>, method: string}>} How much each key matters, and by what. */
export const getImportance = (folder) => unlessSame("importance", { folder });

/**
 * @returns {Promise<{config: [string, any, any][], sentence: string}>} The keys of the config in which a run differs
 *     from one of the best setting, with both values; and which of their settings is better, if that is known.
 */
export const getBesideBest = (run, best) => unlessSame("beside_best", { run, best });

/** @returns {Promise<string[]>} The scalar tags of the runs of a folder. */
export const getTags = (folder) => unlessSame("tags", { folder });

/** @returns {Promise<{runs: string[], command: string}>} The runs of a folder that have pictures. */
export const getPictured = (folder) => unlessSame("pictured", { folder });

/** @returns {Promise<import("./inside-choice.js").Inside>} */
export const getInside = (run) => unlessSame("pictures", { run });

/**
 * @param {string} folder
 * @param {string} tag
 * @param {string[]} runs
 * @returns {Promise<Object<string, {steps: number[], values: number[], times: number[], steps_per_epoch: ?number}>>}
 *     By run; those without the tag are missing.
 */
export async function getCurves(folder, tag, runs) {
  const parts = [];
  for (let i = 0; i < runs.length; i += AT_ONCE) parts.push(runs.slice(i, i + AT_ONCE));
  const query = (part) => [["folder", folder], ["tag", tag], ...part.map((run) => ["runs", run])];
  const answers = await Promise.all(parts.map(async (part) => (await request("curves", query(part))).json()));
  return Object.assign({}, ...answers);
}

/** Requests to the backend, but for the arrays of pictures; see `numbers.js`. */

import { request } from "../../shared/static/request.js";

/** @returns {Promise<{runs: import("./run-words.js").Entry[], others: string[]}>} The newest run first. */
export const getRuns = async () => (await request("runs")).json();

/**
 * @returns {Promise<{network: Object, pictures: Object<string, {step: number, key: string}[]>, config: Object,
 *     best: ?{step: number, metrics: Object<string, number>}}>}
 */
export const getRun = async (run) => (await request("run", { run })).json();

/** @returns {Promise<Object<string, Object<string, [number, number][]>>>} */
export const getHealth = async (run) => (await request("health", { run })).json();

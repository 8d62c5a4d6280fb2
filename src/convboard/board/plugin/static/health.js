/** What the curves of a layer say: thresholds, and a plain sentence where something is wrong. Nothing is drawn here. */

import { share, value } from "./format.js";

/** A quarter of the units silent for every image: more than the few that any ReLU network loses. */
export const DEAD_LARGE = 0.25;
/** A tenth more of the units dead than at first: at that pace the layer goes on dying. */
export const DEAD_RISING = 0.1;
/** Early layers learn a hundred times slower than later ones: beyond what their sizes explain (about ten in LeNet). */
export const VANISHING_RATIO = 1e-2;
/** With usual learning rates such a step changes no float32 weight. */
export const GRADIENT_TINY = 1e-7;
/** Gradient norms of healthy small networks stay below ten. */
export const GRADIENT_HUGE = 1e3;
/** The layer answers the same to every image. */
export const SPREAD_NONE = 1e-6;

/** A series `[[step, value], …]` with what JSON cannot hold (null, "NaN", "Infinity") as numbers. */
export const numbers = (series) => (series ?? []).map(([step, v]) => [step, v === null ? NaN : Number(v)]);

const last = (series) => series?.at(-1)?.[1];
const first = (series) => series?.[0]?.[1];

/**
 * @param {Object<string, Object<string, [number, number][]>>} health As the server gives it.
 * @param {string[]} order Names of the layers, in the order of the calls.
 * @returns {Map<string, {word: string, sentence: string}[]>} For each layer with something wrong, the worst first.
 */
export function findings(health, order) {
  const found = new Map();
  const curves = readCurves(health);
  const names = order.filter((name) => curves.has(name));
  names.forEach((name, i) => {
    const later = names.slice(i + 1).map((other) => last(curves.get(other).gradient_norm)).filter(Number.isFinite);
    const wrong = [notFinite, exploding, silent, dying, (n, c) => vanishing(n, c, later)].map((judge) => judge(name, curves.get(name))).filter(Boolean);
    if (wrong.length) found.set(name, wrong);
  });
  return found;
}

/** The layers' curves, as numbers. */
export function readCurves(health) {
  return new Map(
    Object.entries(health ?? {}).map(([name, series]) => [
      name,
      Object.fromEntries(Object.entries(series).map(([what, points]) => [what, numbers(points)])),
    ]),
  );
}

function notFinite(name, curves) {
  const what = { mean: "activations", std: "activations", gradient_norm: "gradients" };
  for (const key of Object.keys(what)) {
    if (curves[key]?.length && !Number.isFinite(last(curves[key])))
      return { word: "not finite", sentence: `${name}'s ${what[key]} are no longer finite: a smaller learning rate or gradient clipping keeps them in range.` };
  }
  return null;
}

function exploding(name, { gradient_norm: series }) {
  const now = last(series);
  if (!(now > GRADIENT_HUGE) || !Number.isFinite(now)) return null;
  return { word: "exploding", sentence: `Exploding gradient: ${name}'s gradient norm is ${value(now)}. Try a smaller learning rate, or normalisation before it.` };
}

function silent(name, { std: series }) {
  if (!(last(series) <= SPREAD_NONE)) return null;
  return { word: "silent", sentence: `${name} answers the same to every image (spread ${value(last(series))}), so nothing behind it can tell them apart.` };
}

function dying(name, { dead_fraction: series }) {
  const now = last(series);
  const rise = now - first(series);
  if (now >= DEAD_LARGE) return { word: "dying", sentence: `Dying ReLU: ${share(now)} of ${name}'s units are zero for every image of the sample and get no gradient. Try a smaller learning rate, or a leaky ReLU.` };
  if (rise >= DEAD_RISING) return { word: "dying", sentence: `Dying ReLU: the dead share of ${name}'s units rose from ${share(first(series))} to ${share(now)}. Try a smaller learning rate.` };
  return null;
}

function vanishing(name, { gradient_norm: series }, later) {
  const now = last(series);
  if (now === undefined || !Number.isFinite(now)) return null;
  if (now < GRADIENT_TINY) return { word: "no gradient", sentence: `${name} gets next to no gradient (norm ${value(now)}): it has stopped learning.` };
  const strongest = Math.max(0, ...later);
  if (now >= VANISHING_RATIO * strongest) return null;
  return { word: "vanishing", sentence: `Vanishing gradient: ${name}'s gradient norm (${value(now)}) is ${Math.round(strongest / now)} times smaller than that of a later layer (${value(strongest)}). ReLU, normalisation or skip connections keep it alive.` };
}

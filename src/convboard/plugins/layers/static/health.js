/** What the curves of a layer say: thresholds, and a plain sentence where something is wrong. Nothing is drawn here. */

import { share, value } from "./format.js";

/** A quarter of the units silent for every image: more than the few that any ReLU network loses. */
export const DEAD_LARGE = 0.25;
/** A tenth more of the units dead than at first: at that pace the layer goes on dying. */
export const DEAD_RISING = 0.1;
/** Early weights learn a hundred times slower than later ones: beyond what their numbers explain (about ten in LeNet). */
export const VANISHING_RATIO = 1e-2;
/** The layers whose weights are multiplied alike; the few parameters of a normalisation get gradients of another size. */
export const COMPARED_KINDS = ["convolution", "linear"];
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
 * @param {Map<string, Object>} [rows] The rows of the record by name; without them no gradients are compared.
 * @returns {Map<string, {word: string, sentence: string}[]>} For each layer with something wrong, the worst first.
 */
export function findings(health, order, rows = new Map()) {
  const found = new Map();
  const curves = readCurves(health);
  const names = order.filter((name) => curves.has(name));
  const gradients = gradientsPerWeight(names, curves, rows);
  for (const name of names) {
    const wrong = [notFinite, exploding, silent, dying, (n, c) => vanishing(n, c, gradients)]
      .map((judge) => judge(name, curves.get(name)))
      .filter(Boolean);
    if (wrong.length) found.set(name, wrong);
  }
  return found;
}

/** Layers that can be compared, with the root mean square of a weight's gradient: the norm by √(number of parameters). */
function gradientsPerWeight(names, curves, rows) {
  return names
    .filter((name) => COMPARED_KINDS.includes(rows.get(name)?.kind) && rows.get(name).parameters)
    .map((name) => ({ name, each: last(curves.get(name).gradient_norm) / Math.sqrt(rows.get(name).parameters) }))
    .filter(({ each }) => Number.isFinite(each));
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
      return {
        word: "not finite",
        sentence: `${name}'s ${what[key]} are no longer finite: a smaller learning rate or gradient clipping keeps them in range.`,
      };
  }
  return null;
}

function exploding(name, { gradient_norm: series }) {
  const now = last(series);
  if (!(now > GRADIENT_HUGE) || !Number.isFinite(now)) return null;
  return {
    word: "exploding",
    sentence: `Exploding gradient: ${name}'s gradient norm is ${value(now)}. Try a smaller learning rate, or normalisation before it.`,
  };
}

function silent(name, { std: series }) {
  if (!(last(series) <= SPREAD_NONE)) return null;
  return {
    word: "silent",
    sentence: `${name} answers the same to every image (spread ${value(last(series))}), so nothing behind it can tell them apart.`,
  };
}

function dying(name, { dead_fraction: series }) {
  const now = last(series);
  const rise = now - first(series);
  if (now >= DEAD_LARGE)
    return {
      word: "dying",
      sentence: `Dying ReLU: ${share(now)} of ${name}'s units are zero for every image of the sample and get no gradient. Try a smaller learning rate, or a leaky ReLU.`,
    };
  if (rise >= DEAD_RISING)
    return {
      word: "dying",
      sentence: `Dying ReLU: the dead share of ${name}'s units rose from ${share(first(series))} to ${share(now)}. Try a smaller learning rate.`,
    };
  return null;
}

/** Only where the gradient shrinks towards the image: this layer and all before it lie far below one behind it. */
function vanishing(name, { gradient_norm: series }, gradients) {
  const at = gradients.findIndex((gradient) => gradient.name === name);
  if (at < 0) return null;
  const now = last(series);
  if (now < GRADIENT_TINY)
    return {
      word: "no gradient",
      sentence: `${name} gets next to no gradient (norm ${value(now)}): it has stopped learning.`,
    };
  const strongest = ([first, ...rest]) => rest.reduce((best, next) => (next.each > best.each ? next : best), first);
  const later = gradients.slice(at + 1);
  if (!later.length) return null;
  const behind = strongest(later);
  if (strongest(gradients.slice(0, at + 1)).each >= VANISHING_RATIO * behind.each) return null;
  const times = Math.round(behind.each / gradients[at].each);
  return {
    word: "vanishing",
    sentence: `Vanishing gradient: a weight of ${name} gets a gradient ${times} times smaller than one of ${behind.name}, behind it (norm by √parameters: ${value(gradients[at].each)} and ${value(behind.each)}). ReLU, normalisation or skip connections keep it alive.`,
  };
}

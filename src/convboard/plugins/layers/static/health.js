/** Findings in the curves of a layer: thresholds, and a sentence where something is wrong. Nothing is drawn here. */

import { pointBy } from "../../shared/static/charts.js";
import { plural, share, value, whole } from "../../shared/static/format.js";

/** Share of the units that are zero for every image: more than the few that any ReLU network loses. */
export const DEAD_LARGE = 0.25;
/** Rise of that share since the first epoch: at this rate the layer keeps dying. */
export const DEAD_RISING = 0.1;
/**
 * Gradient of a weight, relative to that of a weight behind it: early weights learn a hundred times slower than later
 * ones. The numbers of weights explain a factor of about ten in LeNet.
 */
export const VANISHING_RATIO = 1e-2;
/** The layers that are compared: the few parameters of a normalisation get gradients of another size. */
export const COMPARED_KINDS = ["convolution", "linear"];
/** With usual learning rates a step of this gradient norm changes no float32 weight. */
export const GRADIENT_TINY = 1e-7;
/** Gradient norms of healthy small networks stay below ten. */
export const GRADIENT_HUGE = 1e3;
/** Standard deviation below which the layer gives the same for every image. */
export const DEVIATION_NONE = 1e-6;

/** A series `[[step, value], …]` with what JSON cannot hold (null, "NaN", "Infinity") as numbers. */
export const numbers = (series) => (series ?? []).map(([step, v]) => [step, v === null ? NaN : Number(v)]);

const last = (series) => series?.at(-1)?.[1];
const first = (series) => series?.[0]?.[1];

/**
 * @param {Object<string, Object<string, [number, number][]>>} health As the server gives it.
 * @param {string[]} order Names of the layers, in the order of the calls.
 * @param {Map<string, Object>} [rows] The rows of the record by name; without them no gradients are compared.
 * @param {{layer: ?string, word: string, sentence: string}[]} [warnings] Those of the record, found without curves.
 * @returns {Map<string, {word: string, sentence: string}[]>} For each layer with something wrong, the worst first.
 */
export function findings(health, order, rows = new Map(), warnings = []) {
  const found = new Map();
  const curves = readCurves(health);
  const names = order.filter((name) => curves.has(name));
  const gradients = gradientsPerWeight(names, curves, rows);
  for (const name of names) {
    const wrong = [notFinite, exploding, silent, dying, (n, c) => vanishing(n, c, gradients)]
      .map((check) => check(name, curves.get(name)))
      .filter(Boolean);
    if (wrong.length) found.set(name, wrong);
  }
  for (const { layer, word, sentence } of warnings)
    if (layer !== null) found.set(layer, [{ word, sentence, isWarning: true }].concat(found.get(layer) ?? []));
  return found;
}

/** The layers that can be compared, with the root mean square of a weight's gradient: norm / √(parameters). */
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
  const parts = { mean: "activations", std: "activations", gradient_norm: "gradients" };
  const key = Object.keys(parts).find((what) => curves[what]?.length && !Number.isFinite(last(curves[what])));
  if (!key) return null;
  const advice = "a smaller learning rate or gradient clipping keeps them in range";
  return { word: "not finite", sentence: `${name}'s ${parts[key]} are no longer finite: ${advice}.` };
}

function exploding(name, { gradient_norm: series }) {
  const now = last(series);
  if (!(now > GRADIENT_HUGE) || !Number.isFinite(now)) return null;
  const advice = "Try a smaller learning rate, or normalisation before it.";
  return { word: "exploding", sentence: `Exploding gradient: ${name}'s gradient norm is ${value(now)}. ${advice}` };
}

function silent(name, { std: series }) {
  const now = last(series);
  if (!(now <= DEVIATION_NONE)) return null;
  const answer = `${name} answers the same to every image (standard deviation ${value(now)})`;
  return { word: "silent", sentence: `${answer}, so nothing behind it can tell them apart.` };
}

function dying(name, { dead_fraction: series }) {
  const [before, now] = [first(series), last(series)];
  if (now >= DEAD_LARGE) {
    const zero = `${share(now)} of ${name}'s units are zero for every image of the sample and get no gradient`;
    const sentence = `Dying ReLU: ${zero}. Try a smaller learning rate, or a leaky ReLU.`;
    return { word: "dying", sentence };
  }
  if (!(now - before >= DEAD_RISING)) return null;
  const rise = `the dead share of ${name}'s units rose from ${share(before)} to ${share(now)}`;
  return { word: "dying", sentence: `Dying ReLU: ${rise}. Try a smaller learning rate.` };
}

/** Only where the gradient shrinks towards the image: this layer and all before it lie far below one behind it. */
function vanishing(name, { gradient_norm: series }, gradients) {
  const at = gradients.findIndex((gradient) => gradient.name === name);
  if (at < 0) return null;
  const now = last(series);
  if (now < GRADIENT_TINY) {
    const sentence = `${name} gets next to no gradient (norm ${value(now)}): it has stopped learning.`;
    return { word: "no gradient", sentence };
  }
  const behind = strongest(gradients.slice(at + 1));
  if (!behind || strongest(gradients.slice(0, at + 1)).each >= VANISHING_RATIO * behind.each) return null;
  const own = gradients[at].each;
  const smaller = `a weight of ${name} gets a gradient ${Math.round(behind.each / own)} times smaller`;
  const norms = `norm by √parameters: ${value(own)} and ${value(behind.each)}`;
  const sentence =
    `Vanishing gradient: ${smaller} than one of ${behind.name}, behind it (${norms}). ` +
    "ReLU, normalisation or skip connections keep it alive.";
  return { word: "vanishing", sentence };
}

/** The layer whose weights get the largest gradient; null of none. */
const strongest = (gradients) =>
  gradients.reduce((best, next) => (best === null || next.each > best.each ? next : best), null);

const isRelu = (row) => row?.kind === "activation" && /^relu$/i.test(row.type);

/**
 * The units of a linear layer that its ReLU makes zero for every probe image.
 * @param {Object} scene Of the linear layer or of its ReLU; see `scene.js`.
 * @param {Object} record Of the run.
 * @param {?Object} health The run's curves as the server gives them.
 * @returns {?{units: number[], sentence: string}} null where there is no such ReLU, or no picture of the layer.
 */
export function silentUnits({ row, probe, step }, record, health) {
  const [linear, relu] = linearAndRelu(row, record);
  const vectors = linear && relu && probe?.arrays[`vector:${linear.name}`];
  if (!vectors) return null;
  const [images, count] = vectors.shape;
  const isSilent = (unit) => {
    for (let i = unit; i < images * count; i += count) if (!(vectors.data[i] <= 0)) return false; // NaN neither
    return true;
  };
  const units = Array.from({ length: count }, (_, unit) => unit).filter(isSilent);
  const are = units.length === 1 ? "is" : "are";
  const zero = `${whole(units.length)} of ${plural(count, "unit")} ${are} zero behind ${relu.name}`;
  const measured = measuredShare(health?.[linear.name]?.dead_fraction, step, record.stepsPerEpoch);
  return { units, sentence: `${zero} for all ${images} probe images.${measured}` };
}

function linearAndRelu(row, record) {
  if (row.kind === "linear") return [row, record.consumers.get(row.name)?.find(isRelu)];
  return isRelu(row) ? [record.byName.get(row.inputs[0]), row] : [null, null];
}

function measuredShare(series, step, stepsPerEpoch) {
  const [at, dead] = pointBy(numbers(series), step) ?? [];
  if (!Number.isFinite(dead)) return "";
  return ` On the whole sample, at epoch ${Math.round(at / stepsPerEpoch)}: ${share(dead)} of the units.`;
}

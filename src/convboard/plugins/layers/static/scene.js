/** Everything that the panels show of one layer at one step for one image, fetched together. */

import { asConvolution } from "./linear.js";
import { LayerValues } from "./values.js";

/**
 * @typedef {Object} Scene
 * @property {Object} row The chosen row of the record.
 * @property {number} step The step asked for.
 * @property {?number} shownStep The step of the pictures that are shown, where there are any.
 * @property {?Object} probe `{facts, arrays}` of the probe images.
 * @property {?import("./values.js").Maps} output Output of the row.
 * @property {?import("./values.js").Maps} input Input of the row.
 * @property {number} inputImages Number of probe images whose input was kept, where the chosen one is not among them.
 * @property {?Object} kernels Of `conv`, with arrays `weight` and perhaps `bias`.
 * @property {?Object} conv The convolution whose arithmetic gives the values: the row, or the one it is the ReLU of. A
 *     linear layer is one too, see `linear.js`.
 * @property {number[]} dead Channels that are zero for the whole sample.
 * @property {string} problem Why something is missing; empty where nothing is.
 */

/**
 * @param {{record: Object, pictures: Object}} run
 * @param {{layer: string, step: number, image: number}} chosen
 * @returns {Promise<Scene>}
 */
export async function loadScene(run, { layer, step, image }) {
  const row = run.record.byName.get(layer);
  const conv = convolutionOf(row, run.record);
  const values = new LayerValues(run, step, image);
  let problem = "";
  const orNull = (promise) =>
    promise.catch((error) => {
      problem ||= error.message;
      return null;
    });
  const [probe, output, kernels] = await Promise.all([
    orNull(values.probe()),
    orNull(values.output(row)),
    conv && orNull(values.kernels(conv)),
  ]);
  const source = conv?.kind === "convolution" ? conv : nearestConvolution(row, run.record);
  const picture = source && (await orNull(values.maps(source)));
  const fed = conv ?? (row.kind === "pooling" ? row : null); // the layer whose input is shown
  const input = fed && (await orNull(values.input(fed)));
  const inputImages = (conv && values.inputImages.get(conv.name)) ?? 0;
  return {
    row,
    step,
    image,
    conv,
    probe,
    output,
    kernels,
    input,
    inputImages,
    problem,
    ...shownOf(row, picture, probe),
  };
}

/** The facts in a layer's picture. */
function shownOf(row, picture, probe) {
  return {
    facts: picture?.facts ?? null,
    dead: row.kind === "linear" ? [] : (picture?.facts.dead ?? []),
    shownStep: picture?.step ?? probe?.step ?? null,
  };
}

/** The convolution that makes a row's numbers: itself, or the one that it is the pointwise activation of. */
function convolutionOf(row, record) {
  const maker = row.kind === "activation" ? record.byName.get(row.inputs[0]) : row;
  if (maker?.kind === "linear") return asConvolution(maker, record);
  return maker?.kind === "convolution" ? maker : null;
}

/** The convolution whose channels a row still has: behind norm, activation and pooling. */
function nearestConvolution(row, record) {
  let before = row;
  while (before && ["norm", "activation", "pooling", "same"].includes(before.kind))
    before = record.byName.get(before.inputs[0]);
  return before?.kind === "convolution" ? before : null;
}

/** Whether two scenes show the same probe image, byte by byte; true too where one has none to compare. */
export function isSameImage(first, second) {
  if (!first.probe || !second.probe) return true;
  const [one, other] = [first, second].map(({ probe, image }) => {
    const { data, shape } = probe.arrays.images;
    const length = shape.slice(1).reduce((product, side) => product * side, 1);
    return { bytes: data.subarray(image * length, (image + 1) * length), shape: shape.slice(1).join() };
  });
  return (
    one.shape === other.shape &&
    one.bytes.length === other.bytes.length &&
    one.bytes.every((byte, i) => byte === other.bytes[i])
  );
}

/** Fetch what other steps need, and ignore failures. */
export function prefetch(run, { layer, image }, steps) {
  for (const step of steps) {
    const values = new LayerValues(run, step, image);
    const row = run.record.byName.get(layer);
    const conv = convolutionOf(row, run.record);
    const wanted = [values.probe(), values.output(row), ...(conv ? [values.kernels(conv)] : [])];
    for (const promise of wanted) promise.catch(() => null);
  }
}

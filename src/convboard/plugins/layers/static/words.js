/** What a layer does, in sentences. */

import { plural, size, whole } from "./format.js";
import { poolingOf } from "./units.js";

const SIDES = ["height", "width"];
const count = (shape) => shape.reduce((product, side) => product * side, 1);
const isEqual = ([first, second]) => first === second;
const pair = (values) => (isEqual(values) ? `${values[0]}` : values.join("×"));

/** @returns {string} One sentence, or two, about a row of the record. */
export function sentence(row, record) {
  const describe =
    SENTENCES[row.kind] ?? ((r) => `${r.name} (${r.type}) makes ${size(r.output_shape)} of ${size(r.input_shape)}.`);
  return describe(row, record);
}

const SENTENCES = {
  input: (row) =>
    `The network is given ${plural(row.output_shape[0], "channel")} of ${size(row.output_shape.slice(1))} pixels, normalised to mean 0 and standard deviation 1 over the training images.`,
  convolution,
  pooling: (row) => {
    const isWhole =
      row.output_shape.slice(1).every((side) => side === 1) && (/adaptive/i.test(row.type) || !row.kernel_size);
    const what =
      { maximum: "keeps the largest value", mean: "takes the mean" }[poolingOf(row)] ?? `(${row.type}) makes one value`;
    const where =
      /adaptive/i.test(row.type) || !row.kernel_size
        ? `of as many windows as make ${size(row.output_shape.slice(1))}`
        : `of every ${size(row.kernel_size)} window, ${pair(row.stride ?? row.kernel_size)} apart`;
    if (isWhole)
      return `${row.name} ${what} of each map's ${size(row.input_shape.slice(1))} numbers: ${size(row.input_shape)} becomes ${size(row.output_shape)}. It learns nothing.`;
    return `${row.name} ${what} ${where}, in each of the ${plural(row.output_shape[0], "channel")} by itself: ${size(row.input_shape)} becomes ${size(row.output_shape)}. It learns nothing.`;
  },
  activation: (row) =>
    `${row.name} applies ${row.type} to each of the ${whole(count(row.output_shape))} numbers by itself${/^relu$/i.test(row.type) ? ": what is below zero becomes zero" : ""}. The shape stays ${size(row.output_shape)}.`,
  linear: (row) =>
    `${row.name} multiplies and adds all ${whole(row.input_shape.at(-1))} inputs, once for each of its ${plural(row.output_shape.at(-1), "unit")}: ${whole(row.output_shape.at(-1))}·${whole(row.input_shape.at(-1))} weights.`,
  norm: (row) =>
    /^batchnorm/i.test(row.type)
      ? `${row.name} makes of every number x of a channel γ·(x − mean)/√(var + ε) + β. Each of the ${plural(row.output_shape[0], "channel")} has a mean and a variance of its own, of what training showed it, and learns its own γ and β. The shape stays ${size(row.output_shape)}.`
      : `${row.name} (${row.type}) brings its numbers to a common mean and spread, then shifts and scales them. The shape stays ${size(row.output_shape)}.`,
  same: (row) =>
    `${row.name} (${row.type}) lets everything through as it is when the network is looked at. The shape stays ${size(row.output_shape)}.`,
  reshape: (row) => {
    if (row.input_shape.length !== 3 || row.output_shape.length !== 1)
      return `${row.name} lays ${size(row.input_shape)} out as ${size(row.output_shape)}; no number changes.`;
    const [, height, width] = row.input_shape;
    return `${row.name} lays ${size(row.input_shape)} out in one row of ${whole(row.output_shape[0])}: channel c, row r, column k becomes number ${whole(height * width)}·c + ${width}·r + k. No number changes.`;
  },
  join: (row) => {
    const given = row.inputs.join(" and ");
    if (/^i?add$/i.test(row.type))
      return `${row.name} adds ${given}, number by number, which gives ${size(row.output_shape)}.`;
    if (/^mul$/i.test(row.type))
      return `${row.name} multiplies ${given}, number by number, which gives ${size(row.output_shape)}.`;
    return `${row.name} (${row.type}) brings ${given} together, which gives ${size(row.output_shape)}.`;
  },
};

/** Why a pooling's numbers are not worked out. */
export const uncertainty = (row) =>
  /^adaptiveavg|^avg/i.test(row.type)
    ? `What ${row.name} makes of its windows is not worked out here: some reach beyond its input, and what their sums are then divided by depends on options that this run, of an earlier convboard, does not record.`
    : `What ${row.name} makes of its windows is not worked out here: the tab does not know the arithmetic of ${row.type}.`;

function convolution(row) {
  const [inputs] = row.input_shape;
  const [outputs] = row.output_shape;
  const groups = row.groups ?? 1;
  const each = inputs / groups;
  const kernels = `${plural(outputs, "kernel")} of ${each > 1 ? `${each}×` : ""}${size(row.kernel_size)}`;
  const how = [
    row.padding === "same"
      ? "padded to keep the size"
      : Array.isArray(row.padding) && row.padding.some(Boolean)
        ? `padded by ${pair(row.padding)}`
        : "without padding",
    row.stride?.some((side) => side !== 1) ? `${pair(row.stride)} pixels at a time` : null,
    row.dilation?.some((side) => side !== 1) ? `dilated by ${pair(row.dilation)}` : null,
    groups > 1 ? `in ${groups} groups of ${plural(each, "input channel")}` : null,
  ].filter(Boolean);
  return `${row.name} slides ${kernels} over ${size(row.input_shape)}, ${how.join(", ")}. Each kernel makes one map of ${size(row.output_shape.slice(1))}.`;
}

/** The formula of the output's size; `side` says which one where it holds for one alone. */
export function formula(row) {
  if (!row.formula) return null;
  const sides = row.output_shape.length === 3 ? row.output_shape.slice(1) : [];
  const side = sides.length && !isEqual(sides) ? SIDES[0] : sides.length ? "height and width" : "";
  return { side, text: row.formula };
}

/** What a fully connected layer from the whole input to the whole output would need, in weights. */
const denseWeights = (row) => count(row.input_shape) * count(row.output_shape);

/** @returns {{label: string, value: string, note: string}[]} The numbers worth a place of their own. */
export function facts(row, record) {
  const found = [{ label: "Output", value: size(row.output_shape), note: `${whole(count(row.output_shape))} numbers` }];
  if (row.parameters) found.push({ label: "Parameters", value: whole(row.parameters), note: parameterNote(row) });
  if (row.macs) found.push({ label: "Multiply-adds", value: whole(row.macs), note: macsNote(row) });
  if (row.receptive_field && row.kind !== "input") {
    const step = row.receptive_stride
      ? `units ${plural(Math.max(...row.receptive_stride), "pixel")} apart`
      : "pixels of the image";
    const sides = record.byName.get("input").output_shape.slice(1);
    const isMore = row.receptive_field.some((side, i) => side > sides[i]);
    found.push({
      label: "Receptive field",
      value: size(row.receptive_field),
      note: isMore ? "more than the image has" : step,
    });
  }
  return found;
}

function parameterNote(row) {
  if (row.kind !== "convolution") return "weights and biases";
  const weights =
    (row.parameters % row.output_shape[0] ? 0 : row.parameters / row.output_shape[0]) -
    (row.input_shape[0] / (row.groups ?? 1)) * count(row.kernel_size);
  return weights === 0 ? "weights, no bias" : "weights and biases";
}

/** What sharing its few weights over all places saves a convolution; empty for other rows. */
export function savings(row) {
  if (row.kind !== "convolution" || !row.parameters || !row.dense_parameters) return "";
  const times = (weights) => `${whole(weights)}: ${whole(Math.round(weights / row.parameters))} times as many`;
  const inputs = whole(count(row.input_shape));
  return `${plural(row.parameters, "parameter")}. A fully connected layer from all ${inputs} inputs to ${plural(row.output_shape[0], "unit")}, one a map, would need ${times(row.dense_parameters)}; to all ${whole(count(row.output_shape))} outputs, ${times(denseWeights(row))}.`;
}

function macsNote(row) {
  const each = row.macs / count(row.output_shape);
  return Number.isInteger(each) ? `${whole(each)} for each number` : "";
}

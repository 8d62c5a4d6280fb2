/** What a layer does, in sentences. Pure: from the record to text. */

import { plural, size, whole } from "../../shared/static/format.js";
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

const isRelu = ({ type }) => /^relu$/i.test(type);
const stays = (row) => `The shape stays ${size(row.output_shape)}.`;
const becomes = (row) => `${size(row.input_shape)} becomes ${size(row.output_shape)}`;

const SENTENCES = {
  input(row) {
    const [channels, ...sides] = row.output_shape;
    const given = `${plural(channels, "channel")} of ${size(sides)} pixels`;
    return `The network is given ${given}, normalised to mean 0 and standard deviation 1 over the training images.`;
  },
  convolution,
  pooling,
  activation(row) {
    const effect = isRelu(row) ? ": what is below zero becomes zero" : "";
    const each = `each of the ${whole(count(row.output_shape))} numbers by itself`;
    return `${row.name} applies ${row.type} to ${each}${effect}. ${stays(row)}`;
  },
  linear(row) {
    const [inputs, outputs] = [row.input_shape.at(-1), row.output_shape.at(-1)];
    const each = `once for each of its ${plural(outputs, "unit")}: ${whole(outputs)}·${whole(inputs)} weights`;
    return `${row.name} multiplies and adds all ${whole(inputs)} inputs, ${each}.`;
  },
  norm(row) {
    if (!/^batchnorm/i.test(row.type)) {
      const effect = "brings its numbers to a common mean and standard deviation, then shifts and scales them";
      return `${row.name} (${row.type}) ${effect}. ${stays(row)}`;
    }
    const own = "has a mean and a variance of its own, measured in training, and learns its own γ and β";
    return (
      `${row.name} makes of every number x of a channel γ·(x − mean)/√(var + ε) + β. ` +
      `Each of the ${plural(row.output_shape[0], "channel")} ${own}. ${stays(row)}`
    );
  },
  same: (row) => `${row.name} (${row.type}) changes nothing outside of training. ${stays(row)}`,
  reshape(row) {
    const [shape, target] = [size(row.input_shape), size(row.output_shape)];
    if (row.input_shape.length !== 3 || row.output_shape.length !== 1)
      return `${row.name} lays ${shape} out as ${target}; no number changes.`;
    const [, height, width] = row.input_shape;
    const place = `channel c, row r, column k becomes number ${whole(height * width)}·c + ${width}·r + k`;
    return `${row.name} lays ${shape} out in one row of ${whole(row.output_shape[0])}: ${place}. No number changes.`;
  },
  join(row) {
    const inputs = row.inputs.join(" and ");
    const gives = `which gives ${size(row.output_shape)}`;
    if (/^i?add$/i.test(row.type)) return `${row.name} adds ${inputs}, number by number, ${gives}.`;
    if (/^mul$/i.test(row.type)) return `${row.name} multiplies ${inputs}, number by number, ${gives}.`;
    return `${row.name} (${row.type}) brings ${inputs} together, ${gives}.`;
  },
};

function pooling(row) {
  const [channels, ...sides] = row.output_shape;
  const isAdaptive = /adaptive/i.test(row.type) || !row.kernel_size;
  const what =
    { maximum: "keeps the largest value", mean: "takes the mean" }[poolingOf(row)] ?? `(${row.type}) makes one value`;
  const end = `${becomes(row)}. It learns nothing.`;
  if (isAdaptive && sides.every((side) => side === 1))
    return `${row.name} ${what} of each map's ${size(row.input_shape.slice(1))} numbers: ${end}`;
  const where = isAdaptive
    ? `of as many windows as make ${size(sides)}`
    : `of every ${size(row.kernel_size)} window, ${pair(row.stride ?? row.kernel_size)} apart`;
  return `${row.name} ${what} ${where}, in each of the ${plural(channels, "channel")} by itself: ${end}`;
}

/** Why a pooling's numbers are not computed. */
export function uncertainty({ name, type }) {
  const unknown = `What ${name} makes of its windows is not worked out here`;
  if (!/^adaptiveavg|^avg/i.test(type)) return `${unknown}: the tab does not know the arithmetic of ${type}.`;
  const options = "depends on options that this run, of an earlier convboard, does not record";
  return `${unknown}: some reach beyond its input, and what their sums are then divided by ${options}.`;
}

function convolution(row) {
  const [inputs] = row.input_shape;
  const [outputs, ...sides] = row.output_shape;
  const groups = row.groups ?? 1;
  const each = inputs / groups;
  const kernels = `${plural(outputs, "kernel")} of ${each > 1 ? `${each}×` : ""}${size(row.kernel_size)}`;
  const how = [
    paddingText(row),
    row.stride?.some((side) => side !== 1) ? `${pair(row.stride)} pixels at a time` : null,
    row.dilation?.some((side) => side !== 1) ? `dilated by ${pair(row.dilation)}` : null,
    groups > 1 ? `in ${groups} groups of ${plural(each, "input channel")}` : null,
  ].filter(Boolean);
  const slides = `${row.name} slides ${kernels} over ${size(row.input_shape)}, ${how.join(", ")}`;
  return `${slides}. Each kernel makes one map of ${size(sides)}.`;
}

function paddingText({ padding }) {
  if (padding === "same") return "padded to keep the size";
  return Array.isArray(padding) && padding.some(Boolean) ? `padded by ${pair(padding)}` : "without padding";
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
  if (row.receptive_field === "unknown") {
    found.push({ label: "Receptive field", value: "unknown", note: "something took part that no trace can see" });
  } else if (row.receptive_field && row.kind !== "input") {
    const step = row.receptive_stride
      ? `units ${plural(Math.max(...row.receptive_stride.map(Math.abs)), "pixel")} apart`
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
  const weights = denseWeights(row);
  const dense = `A fully connected layer from all ${whole(count(row.input_shape))} inputs to all`;
  const times = `${whole(weights)}: ${whole(Math.round(weights / row.parameters))} times as many`;
  const outputs = `${whole(count(row.output_shape))} outputs`;
  return `${plural(row.parameters, "parameter")}. ${dense} ${outputs} would need ${times}.`;
}

function macsNote(row) {
  const each = row.macs / count(row.output_shape);
  return Number.isInteger(each) ? `${whole(each)} for each number` : "";
}

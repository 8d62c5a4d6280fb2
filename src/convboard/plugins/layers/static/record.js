/** The network record: the graph of its rows, its blocks, the kind of each row, and the tag of its picture. */

import { blocksOf } from "./blocks.js";

const CONVOLUTION = /^(conv\dd|lazyconv\dd)$/i;
const LINEAR = /^(linear|lazylinear)$/i;
const POOLING = /pool/i;
const NORM = /norm/i;
const SAME = /^(identity|dropout\d?d?|alphadropout|featurealphadropout)$/i;
const RESHAPING = /^(flatten|view|reshape|squeeze|unflatten)$/i;
const JOINING = /^(add|iadd|cat|concat|concatenate|mul|sub|stack)$/i;
const ACTIVATIONS = new Set(
  (
    "celu elu gelu hardsigmoid hardswish hardtanh leakyrelu logsigmoid logsoftmax mish prelu relu relu6 rrelu selu " +
    "sigmoid silu softmax softplus softsign tanh threshold"
  ).split(" "),
);

const plain = (type) => type.replaceAll("_", "").toLowerCase();

/** @returns {"input"|"convolution"|"linear"|"pooling"|"activation"|"norm"|"same"|"reshape"|"join"|"other"} */
export function kindOf(row) {
  const type = plain(row.type);
  if (type === "input") return "input";
  if (CONVOLUTION.test(type)) return "convolution";
  if (LINEAR.test(type)) return "linear";
  if (POOLING.test(type)) return "pooling";
  if (NORM.test(type)) return "norm";
  if (SAME.test(type)) return "same";
  if (RESHAPING.test(type)) return "reshape";
  if (JOINING.test(type)) return "join";
  return ACTIVATIONS.has(type) ? "activation" : "other";
}

/** Whether a row is the activation that torch calls `name` ("ReLU" and "relu", "LeakyReLU" and "leaky_relu"). */
export const isActivation = (row, name) => plain(row.type) === plain(name);

/** A name as in a picture's tag: with "/" for ".". */
export const tagOf = (name) => name.replaceAll(".", "/");

/** The module that a row is a call of: "conv1" of its second call "conv1:2". Its calls share the weights alone. */
export const moduleOf = (name) => name.replace(/:\d+$/, "");

/**
 * @param {Object} network As the server gives it.
 * @returns {{rows: Object[], byName: Map<string, Object>, consumers: Map<string, Object[]>, boxes: Object,
 *     main: Set<string>, uncalled: Object[], blocks: Map<string, Object>, parameters: number, convs: Object[],
 *     last: Object, stepsPerEpoch: number, warnings: {layer: ?string, word: string, sentence: string}[],
 *     name: string, dataset: string}}
 *     Rows in call order, the image itself first, as row "input"; `main`: the names on the longest path; `uncalled`:
 *     rows of parameters that belong to no call; `blocks`: see `blocksOf`.
 */
export function readRecord(network) {
  check(network);
  const image = {
    name: "input",
    type: "input",
    inputs: [],
    input_shape: network.input_shape,
    output_shape: network.input_shape,
    kernel_size: null,
    parameters: 0,
    macs: 0,
    formula: "",
    receptive_field: [1, 1],
  };
  const isCalled = (row) => row.output_shape?.length && row.inputs?.length;
  const rows = [image, ...network.rows.filter(isCalled)];
  for (const row of rows) {
    row.kind = kindOf(row);
    row.averages = network.averages?.[row.name]; // how an average pooling divides; earlier records do not say
  }
  const [height, width] = network.input_shape.slice(-2);
  const each = (count) => Array.from({ length: count }, (_, i) => [i, i + 1]);
  return {
    ...graphOf(rows),
    uncalled: network.rows.filter((row) => !isCalled(row)),
    blocks: blocksOf(network.rows, network.blocks),
    parameters: network.rows.reduce((sum, row) => sum + (row.parameters ?? 0), 0),
    boxes: { ...network.boxes, input: { rows: each(height), columns: each(width) } },
    convs: rows.filter((row) => row.kind === "convolution"),
    last: rows.at(-1),
    stepsPerEpoch: network.steps_per_epoch || 1,
    warnings: network.warnings ?? [], // earlier records have none
    name: network.name ?? "network",
    dataset: network.dataset ?? "",
  };
}

/**
 * The graph of rows, or of the nodes in their place.
 * @returns {{rows: Object[], byName: Map<string, Object>, consumers: Map<string, Object[]>, main: Set<string>}}
 */
export function graphOf(rows) {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const consumers = new Map(rows.map((row) => [row.name, []]));
  for (const row of rows) for (const name of new Set(row.inputs)) consumers.get(name)?.push(row);
  return { rows, byName, consumers, main: longestPath(rows, byName) };
}

const isShape = (given) => Array.isArray(given) && given.every((side) => Number.isInteger(side) && side >= 0);
const isNumbers = (given) => Array.isArray(given) && given.every(Number.isFinite);
const isNames = (given) => Array.isArray(given) && given.every((name) => typeof name === "string");
const isMissing = (given) => given === null || given === undefined;

/** What is read of a row without a further look. */
const ROW = {
  name: (given) => typeof given === "string",
  type: (given) => typeof given === "string",
  inputs: (given) => isMissing(given) || isNames(given),
  input_shape: (given) => isMissing(given) || isShape(given),
  output_shape: (given) => isMissing(given) || isShape(given),
  kernel_size: (given) => isMissing(given) || isShape(given),
  stride: (given) => isMissing(given) || isNumbers(given),
  dilation: (given) => isMissing(given) || isNumbers(given),
  receptive_field: (given) => isMissing(given) || isNumbers(given),
  receptive_stride: (given) => isMissing(given) || isNumbers(given),
};

/** @throws {TypeError} The record is not one of a network. */
function check(network) {
  const isRow = (row) => typeof row === "object" && row !== null && Object.keys(ROW).every((key) => ROW[key](row[key]));
  const { rows, input_shape: shape } = network;
  if (!isShape(shape) || shape.length !== 3 || !Array.isArray(rows) || !rows.every(isRow))
    throw new TypeError("record");
  if (!Object.values(network.blocks ?? {}).every((type) => typeof type === "string")) throw new TypeError("blocks");
  for (const { rows: lines, columns } of Object.values(network.boxes ?? {}))
    if (![lines, columns].every((list) => Array.isArray(list) && list.every(Array.isArray)))
      throw new TypeError("boxes");
}

/** The names on the longest way from the image to the last row; of equal ways the one called first. */
function longestPath(rows, byName) {
  const length = new Map();
  const before = new Map();
  for (const row of rows) {
    let best = null;
    for (const name of row.inputs)
      if (byName.has(name) && (best === null || length.get(name) > length.get(best))) best = name;
    length.set(row.name, best === null ? 0 : length.get(best) + 1);
    before.set(row.name, best);
  }
  const path = new Set();
  for (let name = rows.at(-1).name; name !== null && name !== undefined; name = before.get(name)) path.add(name);
  return path;
}

/** The box of image pixels that unit (`row`, `column`) of a layer's output can see, half open; null where unknown. */
export function receptiveBox(record, layer, row, column) {
  const boxes = record.boxes[layer];
  const [top, bottom] = boxes?.rows[row] ?? [];
  const [left, right] = boxes?.columns[column] ?? [];
  return top === undefined || left === undefined ? null : { top, left, bottom, right };
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutNetwork } from "#layers/layout.js";
import { isActivation, kindOf, moduleOf, readRecord, receptiveBox, tagOf } from "#layers/record.js";
import { facts, formula, savings, sentence } from "#layers/words.js";

const WIDTHS = { alone: 300, main: 170, side: 130 };

const call = (name, type, inputs, input_shape, output_shape, more = {}) => ({
  name,
  type,
  inputs,
  input_shape,
  output_shape,
  parameters: 0,
  macs: 0,
  ...more,
});
const CONV = { kernel_size: [3, 3], padding: [1, 1], stride: [1, 1], parameters: 40, dense_parameters: 4096 };
const MAPS = [4, 4, 4];
const conv = (name, from, more = {}) => call(name, "Conv2d", [from], MAPS, MAPS, { ...CONV, ...more });

const SPANS = [
  [0, 2],
  [0, 3],
  [1, 4],
  [2, 4],
];

const block = readRecord({
  input_shape: MAPS,
  name: "Block",
  steps_per_epoch: 3,
  boxes: { "block.conv1": { rows: SPANS, columns: SPANS } },
  rows: [
    conv("stem", "input"),
    conv("block.conv1", "stem"),
    call("block.relu", "ReLU", ["block.conv1"], MAPS, MAPS),
    conv("block.conv2", "block.relu"),
    conv("block.down", "stem"),
    call("block.add", "add", ["block.conv2", "block.down"], MAPS, MAPS),
    call("fc", "Linear", ["block.add"], [64], [10], { parameters: 650 }),
  ],
});

test("each kind of row is told by its type", () => {
  const kinds = { Conv2d: "convolution", MaxPool2d: "pooling", leaky_relu: "activation", BatchNorm2d: "norm" };
  for (const [type, kind] of Object.entries({
    ...kinds,
    Dropout: "same",
    flatten: "reshape",
    add: "join",
    MyOwn: "other",
  }))
    assert.equal(kindOf({ type }), kind, type);
  assert.ok(isActivation({ type: "LeakyReLU" }, "leaky_relu"));
});

test("names lead to tags and modules", () => {
  assert.equal(tagOf("layer1.0.conv1"), "layer1/0/conv1");
  assert.equal(moduleOf("conv1:2"), "conv1");
});

test("the longest path is the main one, and the image is the first row", () => {
  assert.deepEqual(
    block.main,
    new Set(["input", "stem", "block.conv1", "block.relu", "block.conv2", "block.add", "fc"]),
  );
  assert.equal(block.rows[0].kind, "input");
  assert.deepEqual(
    block.consumers.get("stem").map((row) => row.name),
    ["block.conv1", "block.down"],
  );
});

test("a unit's receptive field is looked up, and unknown ones are null", () => {
  assert.deepEqual(receptiveBox(block, "block.conv1", 1, 3), { top: 0, left: 2, bottom: 3, right: 4 });
  assert.deepEqual(receptiveBox(block, "input", 2, 0), { top: 2, left: 0, bottom: 3, right: 1 });
  assert.equal(receptiveBox(block, "block.conv1", 9, 0), null);
  assert.equal(receptiveBox(block, "fc", 0, 0), null);
});

test("what leaves the main path stands beside it, under the name of its block", () => {
  const { cards, edges, headings, width, height } = layoutNetwork(block, WIDTHS);
  const at = Object.fromEntries(cards.map((card) => [card.row.name, card]));
  assert.ok(at["block.down"].x >= at["block.conv1"].x + at["block.conv1"].width);
  assert.deepEqual(
    headings.map(({ path }) => path),
    ["block"],
  );
  assert.equal(at["block.conv1"].label, "conv1");
  assert.equal(edges.length, 8);
  assert.ok(at["block.add"].y > at["block.down"].y);
  for (const card of cards) assert.ok(card.x + card.width <= width && card.y + card.height <= height);
  assert.deepEqual([at["block.relu"].isLarge, at["stem"].isLarge, at["fc"].isLarge], [false, true, true]);
});

test("cards of a network without branches take the whole width", () => {
  const rows = [conv("a", "input"), conv("b", "a")];
  const { cards } = layoutNetwork(readRecord({ input_shape: MAPS, rows }), WIDTHS);
  assert.ok(cards.every((card) => card.width === WIDTHS.alone && card.x === 0));
});

const sentenceOf = (name) => sentence(block.byName.get(name), block);

test("each row is described in a sentence", () => {
  assert.match(sentenceOf("stem"), /^stem slides 4 kernels of 4×3×3 over 4×4×4, padded by 1\. Each .* of 4×4\.$/);
  assert.match(sentenceOf("block.relu"), /what is below zero becomes zero\. The shape stays 4×4×4\.$/);
  assert.match(sentenceOf("block.add"), /adds block.conv2 and block.down, number by number/);
  assert.match(sentenceOf("fc"), /all 64 inputs, once for each of its 10 units: 10·64 weights\.$/);
  assert.match(sentenceOf("input"), /4 channels of 4×4 pixels, normalised/);
  const pool = call("pool", "AvgPool2d", ["x"], [8, 4, 4], [8, 1, 1]);
  const adaptive = { ...pool, kind: "pooling", type: "AdaptiveAvgPool2d" };
  assert.match(sentence(adaptive), /the mean of each map's 4×4 numbers/);
  const norm = { ...call("bn", "BatchNorm2d", ["x"], MAPS, MAPS), kind: "norm" };
  assert.match(sentence(norm), /γ·\(x − mean\)\/√\(var \+ ε\) \+ β/);
  const flat = { ...call("flat", "flatten", ["x"], [16, 5, 5], [400]), kind: "reshape" };
  assert.match(sentence(flat), /becomes number 25·c \+ 5·r \+ k\./);
});

test("a convolution's savings and facts are counted", () => {
  const row = block.byName.get("stem");
  assert.match(savings(row), /^40 parameters\. .* to all 64 outputs would need 4,096: 102 times as many\.$/);
  assert.equal(savings(block.byName.get("fc")), "");
  assert.deepEqual(facts(row, block)[1], { label: "Parameters", value: "40", note: "weights and biases" });
  assert.equal(formula(row), null);
  assert.deepEqual(formula({ formula: "f", output_shape: [6, 28, 20] }), { side: "height", text: "f" });
});

test("a record that is damaged is refused as a whole", () => {
  const row = conv("stem", "input");
  const good = { input_shape: MAPS, boxes: {}, rows: [row] };
  assert.ok(readRecord(good));
  for (const bad of [
    {},
    { ...good, input_shape: [4] },
    { ...good, input_shape: "4x4" },
    { ...good, rows: {} },
    { ...good, rows: [null] },
    { ...good, rows: [{ ...row, name: 7 }] },
    { ...good, rows: [{ ...row, inputs: [null] }] },
    { ...good, rows: [{ ...row, output_shape: "4x4x4" }] },
    { ...good, rows: [{ ...row, kernel_size: { 0: 3 } }] },
    { ...good, boxes: { stem: { rows: 3, columns: SPANS } } },
    { ...good, boxes: { stem: null } },
  ])
    assert.throws(() => readRecord(bad), TypeError, JSON.stringify(bad));
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { findings, numbers, silentUnits } from "#layers/health.js";

const rowsOf = (kinds) =>
  new Map(Object.entries(kinds).map(([name, [kind, parameters]]) => [name, { kind, parameters }]));

function wordsOf(kinds, norms) {
  const rows = rowsOf(kinds);
  const curve = ([name, norm]) => [name, { gradient_norm: [[1, norm]] }];
  const health = Object.fromEntries(Object.entries(norms).map(curve));
  return [...findings(health, [...rows.keys()], rows)].map(([name, [worst]]) => [name, worst.word]);
}

test("a normalisation is not compared, and large layers are compared by the weight", () => {
  const kinds = { conv1: ["convolution", 100], bn1: ["norm", 4], conv2: ["convolution", 1000000] };
  assert.deepEqual(wordsOf(kinds, { conv1: 1, bn1: 1e-4, conv2: 10 }), []);
});

const THREE = { conv1: ["convolution", 100], conv2: ["convolution", 100], fc: ["linear", 100] };

test("a gradient vanishes where it shrinks towards the image", () => {
  const found = wordsOf(THREE, { conv1: 1e-5, conv2: 1e-4, fc: 1 });
  assert.deepEqual(found, [
    ["conv1", "vanishing"],
    ["conv2", "vanishing"],
  ]);
});

test("a layer in the middle that gets little does not vanish where the first one gets enough", () => {
  assert.deepEqual(wordsOf(THREE, { conv1: 1, conv2: 1e-4, fc: 1 }), []);
});

test("a warning of the record comes first in its layer, and one of the whole network in none", () => {
  const warnings = [
    { layer: "softmax", word: "softmax", sentence: "It ends with softmax." },
    { layer: "a", word: "frozen", sentence: "It is frozen." },
    { layer: null, word: "at chance", sentence: "It is at chance." },
  ];
  const found = findings({ a: { mean: [[0, "NaN"]] } }, ["a"], new Map(), warnings);
  assert.deepEqual([...found.keys()], ["a", "softmax"]);
  assert.deepEqual(
    found.get("a").map(({ word }) => word),
    ["frozen", "not finite"],
  );
});

const wordOf = (curves) => findings({ a: curves }, ["a"]).get("a")?.[0].word;

test("each other finding has its threshold", () => {
  assert.equal(wordOf({ mean: [[0, "NaN"]] }), "not finite");
  assert.equal(wordOf({ gradient_norm: [[0, 1001]] }), "exploding");
  assert.equal(wordOf({ gradient_norm: [[0, 999]] }), undefined);
  assert.equal(wordOf({ std: [[0, 1e-7]] }), "silent");
  assert.equal(wordOf({ dead_fraction: [[0, 0.25]] }), "dying");
  assert.equal(
    wordOf({
      dead_fraction: [
        [0, 0.05],
        [1, 0.16],
      ],
    }),
    "dying",
  );
  assert.equal(
    wordOf({
      dead_fraction: [
        [0, 0.05],
        [1, 0.1],
      ],
    }),
    undefined,
  );
});

test("what JSON cannot hold becomes a number", () => {
  assert.deepEqual(
    numbers([
      [0, null],
      [1, "Infinity"],
    ]),
    [
      [0, NaN],
      [1, Infinity],
    ],
  );
  assert.deepEqual(numbers(undefined), []);
});

const linear = { name: "fc", kind: "linear", inputs: ["x"] };
const relu = { name: "relu", kind: "activation", type: "ReLU", inputs: ["fc"] };
const record = {
  byName: new Map([
    ["fc", linear],
    ["relu", relu],
  ]),
  consumers: new Map([["fc", [relu]]]),
  stepsPerEpoch: 40,
};
const probe = { arrays: { "vector:fc": { shape: [2, 3], data: Float32Array.of(-1, 0, 1, 0, 2, -1) } } };
const health = {
  fc: {
    dead_fraction: [
      [0, 0.1],
      [40, 0.2],
      [80, 0.3],
    ],
  },
};

test("units that a ReLU makes zero for all images are counted, at the linear layer and at its ReLU", () => {
  for (const row of [linear, relu]) {
    const { units, sentence } = silentUnits({ row, probe, step: 40 }, record, health);
    assert.deepEqual(units, [0]);
    assert.match(sentence, /^1 of 3 units is zero behind relu for all 2 probe images\./);
    assert.match(sentence, /On the whole sample, at epoch 1: 20 % of the units\.$/);
  }
});

test("without a ReLU or a picture no unit is called silent", () => {
  assert.equal(silentUnits({ row: { ...relu, type: "Tanh" }, probe, step: 0 }, record, health), null);
  assert.equal(silentUnits({ row: linear, probe: null, step: 0 }, record, health), null);
});

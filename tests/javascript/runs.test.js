import assert from "node:assert/strict";
import { test } from "node:test";

import { predictionOf } from "#layers/prediction.js";
import { about, bestOf, differences, percent } from "#layers/run-words.js";
import { placeAmong } from "#layers/top-bar.js";

test("a run is told by what is known of it", () => {
  const run = {
    name: "a",
    model: "LeNet",
    dataset: "mnist",
    lr: 0.020000000000000004,
    accuracy: 0.9912,
    state: "failed",
  };
  assert.deepEqual(about(run), ["LeNet", "mnist", "lr 0.02", "99.12 % val", "failed"]);
  const unknown = { name: "b", model: null, dataset: null, lr: null, accuracy: "NaN", state: "unfinished" };
  assert.deepEqual(about(unknown), ["unfinished"]);
});

test("two configs differ in what was trained, not in where", () => {
  const first = { "optimizer.lr": 0.1, seed: 1, "model._target_": "a.LeNet", model: "LeNet", data_dir: "x", same: 1 };
  const second = { "optimizer.lr": 0.2, seed: 1, "model._target_": "a.Other", model: "Other", data_dir: "y", same: 1 };
  assert.deepEqual(differences({ ...first, "optimizer.momentum": 0.9 }, { ...second, "trainer.device": "cuda" }), [
    { key: "model._target_", a: "a.LeNet", b: "a.Other" },
    { key: "optimizer.lr", a: "0.1", b: "0.2" },
    { key: "optimizer.momentum", a: "0.9", b: "–" },
  ]);
  assert.deepEqual(differences(first, first), []);
});

test("the best epoch is told with its accuracy", () => {
  const best = { step: 84, metrics: { "accuracy/val": 0.976, "accuracy/test": 0.98 } };
  assert.deepEqual(bestOf(best, 21), { epoch: 4, val: 0.976, test: 0.98, text: "epoch 4, 97.60 % on val" });
  assert.equal(bestOf(null, 21), null);
  assert.equal(percent(1), "100.00 %");
});

test("the best epoch has a place among those with pictures", () => {
  assert.equal(placeAmong([0, 21, 42, 84], 42), 2);
  assert.equal(placeAmong([0, 21, 42, 84], 63), 2.5);
  assert.equal(placeAmong([0, 21], 105), 1);
  assert.equal(placeAmong([21, 42], 0), 0);
});

const scene = (logits, image = 0) => ({
  image,
  probe: {
    arrays: { logits: { shape: [logits.length, 3], data: Float32Array.from(logits.flat()) } },
    facts: { class_names: ["cat", "dog", "bird"], names: ["cat", "dog"] },
  },
});

test("the prediction is the class with the highest score, right or wrong", () => {
  const scores = [
    [2, 1, 0],
    [0, 0, 5],
  ];
  const [first, second] = [0, 1].map((image) => predictionOf(scene(scores, image)));
  assert.deepEqual([first.name, first.isRight], ["cat", true]);
  assert.ok(Math.abs(first.probability - 0.665) < 0.001);
  assert.deepEqual([second.name, second.isRight], ["bird", false]);
  assert.equal(predictionOf(scene(scores, 2)), null);
  assert.equal(predictionOf(scene([[NaN, NaN, NaN]])), null);
  assert.equal(predictionOf({ image: 0, probe: { arrays: {}, facts: {} } }), null);
  assert.equal(predictionOf(null), null);
});

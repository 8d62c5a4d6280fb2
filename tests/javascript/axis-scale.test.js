import assert from "node:assert/strict";
import { test } from "node:test";

import { axisScale, axisText, duration, ticks, timeTicks, wholeTicks } from "#shared/axis-scale.js";
import { shortened } from "#shared/plot-axes.js";

const texts = (range, count, isLog = false) => ticks(axisScale(range, [0, 100], isLog), count).map(({ text }) => text);

test("a place and its value are inverse, by difference and by ratio", () => {
  const scales = [axisScale([2, 4], [10, 110]), axisScale([1, 100], [200, 0], true)];
  assert.equal(scales[0].at(3), 60);
  assert.equal(scales[1].at(10), 100);
  for (const scale of scales)
    for (const value of [2, 2.5, 4]) assert.ok(Math.abs(scale.valueAt(scale.at(value)) - value) < 1e-9);
});

test("a range without an extent is widened", () => {
  for (const [value, isLog] of [
    [0, false],
    [5, false],
    [0.1, true],
  ]) {
    const scale = axisScale([value, value], [0, 100], isLog);
    assert.ok(scale.low < value && value < scale.high);
    assert.equal(Math.round(scale.at(value)), 50);
  }
});

test("ticks are round numbers with as many places as they need", () => {
  assert.deepEqual(texts([0, 1], 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.deepEqual(texts([0.961, 0.994], 3), ["0.97", "0.98", "0.99"]);
  assert.deepEqual(texts([0.9, 1], 4), ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]);
  assert.deepEqual(texts([-30, 30], 3), ["−20", "0", "20"]);
  assert.deepEqual(texts([0, 60000], 3), ["0", "20k", "40k", "60k"]);
});

test("steps and epochs have whole ticks", () => {
  const whole = (range, count) => wholeTicks(axisScale(range, [0, 1]), count).map(({ value }) => value);
  assert.deepEqual(whole([0.05, 3], 10), [1, 2, 3]);
  assert.deepEqual(whole([1, 3], 2), [1, 2, 3]);
  assert.deepEqual(whole([1, 1], 9), [1]);
  assert.deepEqual(whole([0, 20], 10), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  assert.deepEqual(whole([1, 500], 9), [100, 200, 300, 400, 500]);
  assert.deepEqual(whole([0.1, 0.6], 9), []);
});

test("logarithmic ticks are powers of ten, and more where there is room", () => {
  assert.deepEqual(texts([1e-4, 1], 5, true), ["0.0001", "0.001", "0.01", "0.1", "1"]);
  assert.deepEqual(texts([0.01, 0.1], 5, true), ["0.01", "0.02", "0.05", "0.1"]);
  assert.deepEqual(texts([1e-8, 1], 5, true), ["1e−8", "1e−6", "0.0001", "0.01", "1"]);
  assert.ok(texts([0.2, 0.5], 4, true).length >= 3); // less than a decade: as a linear scale
});

test("numbers beside an axis are short", () => {
  assert.deepEqual(
    [0, 0.001, 12, 25000, 3e8, 1e-5].map((number) => axisText(number)),
    ["0", "0.001", "12", "25k", "3e8", "1e−5"],
  );
});

test("times are in the unit that suits them", () => {
  assert.deepEqual([45, 600, 12600].map(duration), ["45 s", "10 min", "3.5 h"]);
  const marks = timeTicks(axisScale([0, 600], [0, 1]), 2);
  assert.deepEqual(marks, [
    { value: 0, text: "0 min" },
    { value: 300, text: "5 min" },
    { value: 600, text: "10 min" },
  ]);
});

test("a text that is too long is cut between letters", () => {
  assert.equal(shortened("lenet", 100), "lenet");
  assert.equal(shortened("🐙🐙🐙🐙🐙🐙", 26), "🐙🐙🐙…");
});

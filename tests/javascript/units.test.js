import assert from "node:assert/strict";
import { test } from "node:test";

import { readRecord } from "#layers/record.js";
import { adaptiveWindow, multiplyAndAdd, paddingBefore, pool, poolAll, poolingOf, softmax } from "#layers/units.js";

import { cases } from "./cases.js";

const isClose = (a, b) => Math.abs(a - b) <= 1e-5 + 1e-5 * Math.abs(b);

for (const { name, network, image, output, weight, shape, bias } of cases?.layers ?? []) {
  test(`each unit of ${name} has torch's value`, () => {
    const row = readRecord(network).last;
    const [channels, height, width] = row.input_shape;
    const maps = { data: Float32Array.from(image), channels, height, width, offset: 0 };
    const array = (numbers) => numbers && { data: Float32Array.from(numbers) };
    const kernels = { weight: { ...array(weight), shape }, bias: array(bias) };
    const valueOf = (unit) => (weight ? multiplyAndAdd(row, maps, kernels, unit) : pool(row, maps, unit)).value;
    assert.ok(weight || poolingOf(row));
    const [, rows, columns] = row.output_shape;
    output.forEach((expected, i) => {
      const area = rows * columns;
      const unit = { channel: Math.floor(i / area), row: Math.floor((i % area) / columns), column: i % columns };
      assert.ok(isClose(valueOf(unit), expected), `${JSON.stringify(unit)}: ${valueOf(unit)} is not ${expected}`);
    });
    if (!weight) assert.ok(poolAll(row, maps).data.every((value, i) => isClose(value, output[i])));
  });
}

test("torch's cases are there", { skip: cases === null }, () => assert.equal(cases.layers.length, 40));

const POOL = { name: "pool", kernel_size: [2, 2], stride: [2, 2], input_shape: [1, 4, 4], output_shape: [1, 2, 2] };

test("a pooling of another arithmetic is not computed", () => {
  assert.equal(poolingOf({ ...POOL, type: "LPPool2d" }), null);
});

test("a mean in a window that hangs over is computed only where the record says how", () => {
  const row = { ...POOL, type: "AvgPool2d", input_shape: [1, 3, 3] };
  assert.equal(poolingOf({ ...POOL, type: "AvgPool2d" }), "mean");
  assert.equal(poolingOf(row), null);
  assert.equal(poolingOf({ ...row, averages: { divisor_override: null, count_include_pad: true } }), "mean");
  assert.equal(poolingOf({ ...row, type: "MaxPool2d" }), "maximum");
});

test("the window of a pooling names its largest value, and NaN is the largest", () => {
  const row = { ...POOL, type: "MaxPool2d" };
  const maps = { data: Float32Array.from({ length: 16 }, (_, i) => i), channels: 1, height: 4, width: 4, offset: 0 };
  assert.equal(pool(row, maps, { channel: 0, row: 1, column: 0 }).winner, 3);
  maps.data[8] = NaN;
  assert.equal(pool(row, maps, { channel: 0, row: 1, column: 0 }).winner, 0);
});

test("padding that keeps the size puts its smaller half first", () => {
  assert.deepEqual(paddingBefore({ padding: "same", kernel_size: [4, 3], dilation: [1, 2] }), [1, 2]);
  assert.deepEqual(paddingBefore({ padding: null, kernel_size: [2, 2] }), [0, 0]);
});

test("windows of an adaptive pooling overlap where they must", () => {
  const { rows, columns } = adaptiveWindow({ input_shape: [1, 5, 4], output_shape: [1, 3, 2] }, 1, 1);
  assert.deepEqual(
    [rows, columns],
    [
      [1, 2, 3],
      [2, 3],
    ],
  );
});

test("probabilities of large scores do not overflow", () => {
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
  assert.equal(softmax([0, -1000])[1], 0);
});

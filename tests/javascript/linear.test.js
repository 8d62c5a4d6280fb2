import assert from "node:assert/strict";
import { test } from "node:test";

import { asConvolution, asKernels } from "#layers/linear.js";
import { readRecord } from "#layers/record.js";
import { multiplyAndAdd } from "#layers/units.js";

const call = (name, type, from, input_shape, output_shape) => ({
  name,
  type,
  inputs: [from],
  input_shape,
  output_shape,
});
const record = readRecord({
  input_shape: [1, 4, 4],
  boxes: {},
  rows: [
    call("pool", "MaxPool2d", "input", [1, 4, 4], [2, 2, 2]),
    call("flatten", "Flatten", "pool", [2, 2, 2], [8]),
    call("drop", "Dropout", "flatten", [8], [8]),
    call("first", "Linear", "drop", [8], [3]),
    call("second", "Linear", "first", [3], [2]),
    call("tokens", "Linear", "pool", [2, 2, 2], [2, 2, 5]),
  ],
});
const row = (name) => record.byName.get(name);

test("a linear layer behind a flatten is a convolution over the maps that were laid out", () => {
  const conv = asConvolution(row("first"), record);
  assert.deepEqual([conv.inputs, conv.input_shape, conv.kernel_size], [["pool"], [2, 2, 2], [2, 2]]);
  const weight = { data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [3, 8] };
  const maps = { data: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), channels: 2, height: 2, width: 2, offset: 0 };
  const bias = { data: Float32Array.from([10, 20, 30]) };
  const unit = { channel: 1, row: 0, column: 0 };
  const sum = multiplyAndAdd(conv, maps, { weight: asKernels(weight, conv), bias }, unit);
  assert.equal(sum.value, 1 * 8 + 2 * 9 + 3 * 10 + 4 * 11 + 5 * 12 + 6 * 13 + 7 * 14 + 8 * 15 + 20);
  assert.deepEqual(
    sum.channels.map(({ sum: part }) => part),
    [100, 356],
  );
});

test("one that is given a vector has a channel for each input; one over several vectors is none", () => {
  const conv = asConvolution(row("second"), record);
  assert.deepEqual([conv.inputs, conv.input_shape, conv.noun], [["first"], [3, 1, 1], "input"]);
  assert.equal(asConvolution(row("tokens"), record), null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { plural, rounded, share, short, size, value, whole } from "#shared/format.js";

const table = (format, rows) => {
  for (const [number, text] of rows) assert.equal(format(number), text);
};

test("values have three significant places and a true minus sign", () => {
  table(value, [
    [0, "0"],
    [-1.234, "−1.23"],
    [12.34, "12.3"],
    [123.4, "123"],
    [0.12345, "0.123"],
    [0.0001234, "1.2e−4"],
    [-123456, "−1.2e5"],
    [NaN, "not a number"],
    [-Infinity, "−∞"],
  ]);
});

test("values of narrow cells have at most two decimals", () => {
  table(short, [
    [0, "0"],
    [-0.001, "0.00"],
    [1.234, "1.23"],
    [-12.34, "−12.3"],
    [1234, "1e3"],
    [NaN, "nan"],
  ]);
});

test("only nothing is 0 %, and only all is 100 %", () => {
  table(share, [
    [0, "0 %"],
    [0.001, "under 1 %"],
    [0.125, "13 %"],
    [0.996, "99 %"],
    [1, "100 %"],
  ]);
});

test("counts and shapes are grouped and named", () => {
  assert.equal(whole(4816896), "4,816,896");
  assert.equal(size([6, 28, 28]), "6×28×28");
  assert.deepEqual([plural(1, "kernel"), plural(1200, "kernel")], ["1 kernel", "1,200 kernels"]);
});

test("large counts have three digits", () => {
  assert.deepEqual([0, 999, 1000, 147968, 999600, 2460000, 1.5e13].map(rounded), [
    "0",
    "999",
    "1k",
    "148k",
    "1M",
    "2.46M",
    "15T",
  ]);
});

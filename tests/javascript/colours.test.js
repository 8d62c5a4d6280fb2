import assert from "node:assert/strict";
import { test } from "node:test";

import { cases } from "./cases.js";
import { colouring, cssColour, largestMagnitude } from "#shared/colours.js";

const linear = (c) => (c > 0.04 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92);

/** The relative luminance of WCAG, plus its constant. */
function lightness(parts) {
  const [r, g, b] = parts.map((part) => linear(part / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
}

test("numbers stand out from their colours by WCAG's AA", () => {
  for (const theme of ["light", "dark"])
    for (let number = -1; number <= 1; number += 0.02) {
      const { ground, text } = cssColour(theme, number, 1);
      const [one, other] = [lightness(ground.match(/\d+/g).map(Number)), text === "#fff" ? 1.05 : 0.05];
      assert.ok(Math.max(one, other) / Math.min(one, other) >= 4.5, `${theme} ${number}`);
    }
});

test("colours end at the largest magnitude, and what is not finite has one of its own", () => {
  const colour = colouring("light", 2);
  assert.equal(colour(2), colour(5));
  assert.notEqual(colour(2), colour(-2));
  assert.equal(colour(NaN), colour(Infinity));
  assert.notEqual(colour(NaN), colour(0));
  assert.equal(colouring("light", 0)(1), colour(0));
});

test("the largest magnitude leaves out what is not finite", () => {
  assert.equal(largestMagnitude([1, -3, NaN, Infinity]), 3);
  assert.equal(largestMagnitude([9, 1, 2], 1), 2);
});

test("the figures of the Images tab have the same colours", { skip: !cases }, () => {
  const { colours } = cases;
  colours.forEach((hex, i) => {
    const number = (2 * i) / (colours.length - 1) - 1;
    const shown = cssColour("light", number, 1).ground.match(/\d+/g).map(Number);
    const drawn = hex.match(/[0-9a-f]{2}/g).map((digits) => parseInt(digits, 16));
    shown.forEach((part, k) => assert.ok(Math.abs(part - drawn[k]) <= 2, `${number}: ${shown}, ${drawn}`));
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { missingOf } from "#layers/link-check.js";
import { fromLink, toLink } from "#layers/link.js";
import { readHash, writeHash } from "#shared/address.js";

test("a tab reads its own part of the address", () => {
  const hash = "#layers&p.layers.run=a%2Fb&p.scalars.run=x&p.layers.bad=%E0%A4%A&p.layers.unit=1%2C2%2C3";
  assert.deepEqual(readHash(hash, "layers"), { run: "a/b", unit: "1,2,3" });
});

test("what is written is read again, and the rest of the address stays", () => {
  const hash = writeHash("#layers&p.scalars.run=x&p.layers.old=1", "layers", { run: "a&b=c", step: 0, view: null });
  assert.equal(hash, "#layers&p.scalars.run=x&p.layers.run=a%26b%3Dc&p.layers.step=0");
  assert.deepEqual(readHash(hash, "layers"), { run: "a&b=c", step: "0" });
});

const STATE = { run: "a", compare: null, layer: "conv1", image: 2, shownStep: 40, step: null, view: "health" };

test("a link to a state leads back to it", () => {
  const state = { ...STATE, unit: { channel: 1, row: 2, column: 3 } };
  const values = readHash(writeHash("#layers", "layers", toLink(state)), "layers");
  const { unread, step, ...found } = fromLink(values);
  assert.deepEqual([unread, step], [[], 40]);
  for (const [name, value] of Object.entries(found)) assert.deepEqual(value, state[name], name);
});

test("parts that cannot be read are named and left out", () => {
  const found = fromLink({ step: "last", image: "-1", unit: "1,2", view: "none", run: "a" });
  assert.deepEqual(found.unread, ["step=last", "image=-1", "unit=1,2", "view=none"]);
  assert.deepEqual([found.step, found.image, found.unit, found.view], [null, 0, null, "inside"]);
});

const record = { name: "LeNet", byName: new Map([["conv1", { name: "conv1", output_shape: [6, 28, 28] }]]) };
const shown = {
  record,
  layer: "conv1",
  steps: [0, 40, 80],
  shownStep: 40,
  unit: null,
  scene: { probe: { arrays: { images: { shape: [10, 1, 32, 32] } } } },
};

test("what a link asks for in vain is said, with what is shown instead", () => {
  const wanted = { layer: "conv9", step: 57, image: 0, unit: null, unread: [] };
  assert.equal(
    missingOf(wanted, shown),
    "The link asks for layer conv9, which LeNet does not have: conv1 is shown; " +
      "and for step 57, of which there are no pictures: step 40 is shown.",
  );
  const same = { layer: "conv1", step: 40, image: 0, unit: null, unread: [] };
  assert.equal(missingOf(same, shown), "");
  assert.match(missingOf({ ...same, image: 40 }, shown), /probe image 41, of 10 images: the first is shown\.$/);
  const unit = { channel: 3, row: 99, column: 0 };
  assert.match(
    missingOf({ ...same, unit }, shown),
    /row 99, column 0 of map 3, which is not among the numbers of conv1/,
  );
  assert.match(missingOf({ ...same, unread: ["step=last"] }, shown), /step=last, which cannot be read\.$/);
});

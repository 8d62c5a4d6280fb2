import assert from "node:assert/strict";
import { test } from "node:test";

import { accuracyOf, cellText, confusionOf, differenceOf, pointsText } from "#sweeps/confusion.js";
import { epochIndex, epochsOf, insideRuns, isSameImage, layerNames, pictureAt, tagOf } from "#sweeps/inside-choice.js";
import { columnsFor, columnsForSquares, mapsOf, sharedScale } from "#sweeps/inside-scale.js";
import { viewFromLink, viewToLink } from "#sweeps/view-options.js";

const layer = (name, has = "both") => ({
  name,
  maps: has === "weights" ? null : `feature_maps/${name}`,
  weights: `kernels/${name}`,
});
const inside = (layers, pictures = {}, steps = 10) => ({ layers, pictures, steps_per_epoch: steps });
const at = (...steps) => steps.map((step) => ({ step, key: `key ${step}` }));

const run = (name) => ({ run: name });
const SETTINGS = [
  { id: "best", runs: [run("best 1")] },
  { id: "second", runs: [run("second 1"), run("second 2"), run("second 3")] },
];
const STATE = { table: { settings: SETTINGS }, matching: SETTINGS, picked: [], seeds: "first" };
const shown = (state) => insideRuns({ ...STATE, ...state }).map(({ run: { run: name }, index }) => `${index} ${name}`);

test("of the best settings those that have pictures are shown, by their first run that has some", () => {
  assert.deepEqual(shown({ pictured: new Set(["second 2", "second 3"]) }), ["0 second 2"]);
  assert.deepEqual(shown({ pictured: new Set(["second 2", "second 3"]), seeds: "all" }), ["0 second 2", "0 second 3"]);
  assert.deepEqual(shown({ pictured: new Set() }), []);
});

test("a setting that is picked is shown without pictures too, so that one learns why there are none", () => {
  assert.deepEqual(shown({ pictured: new Set(["second 2"]), picked: [null, "best"] }), ["1 best 1"]);
});

test("layers of several networks are in the order of their calls", () => {
  const small = inside([layer("conv1"), layer("conv2"), layer("fc", "weights")]);
  const large = inside([layer("conv1"), layer("extra"), layer("conv2"), layer("last")]);
  assert.deepEqual(layerNames([small, large], "maps"), ["conv1", "extra", "conv2", "last"]);
  assert.deepEqual(layerNames([small], "kernels"), ["conv1", "conv2", "fc"]);
  assert.deepEqual(layerNames([small], "confusion"), []);
  assert.equal(tagOf(small, "maps", "fc"), null);
  assert.equal(tagOf(small, "kernels", "fc"), "kernels/fc");
  assert.equal(tagOf(small, "confusion", null), null);
});

test("runs of different numbers of steps are at the same epoch, or at the last one before it", () => {
  const one = inside([layer("a")], { "feature_maps/a": at(0, 10, 40) }, 10);
  const other = inside([layer("a")], { "feature_maps/a": at(0, 50, 100) }, 25);
  assert.deepEqual(epochsOf([one, other], "maps", "a"), [0, 1, 2, 4]);
  assert.deepEqual(pictureAt(one, "feature_maps/a", 2), { key: "key 10", epoch: 1 });
  assert.deepEqual(pictureAt(other, "feature_maps/a", 2), { key: "key 50", epoch: 2 });
  assert.equal(pictureAt(one, "feature_maps/b", 2), null);
  assert.equal(epochIndex([0, 1, 2, 4], null), 3);
  assert.equal(epochIndex([0, 1, 2, 4], 3), 2);
  assert.equal(epochIndex([1, 2], 0), 0);
});

test("maps are those after the activation, of the chosen image", () => {
  const before = { data: Float32Array.of(1, -2, 3, -4), shape: [2, 1, 1, 2] };
  const facts = { after_is_relu: true };
  assert.deepEqual([...mapsOf({ facts, arrays: { before } }, 1).data], [3, 0]);
  assert.equal(mapsOf({ facts, arrays: { before } }, 2), null);
  const after = { ...before, data: Float32Array.of(5, 6, 7, 8) };
  assert.deepEqual([...mapsOf({ facts: { after_is_relu: false }, arrays: { before, after } }, 0).data], [5, 6]);
});

test("one scale reaches to the strongest finite number of all runs", () => {
  const maps = (...data) => ({ data: Float32Array.from(data), channels: 1, height: 1, width: data.length, offset: 0 });
  assert.deepEqual(sharedScale([maps(1, 2), null, maps(0, 7)], true), { largest: 7, isSigned: false });
  assert.deepEqual(sharedScale([maps(NaN, NaN), maps(-3)], true), { largest: 3, isSigned: true });
  assert.deepEqual(sharedScale([maps(NaN)], true), { largest: NaN, isSigned: false });
});

test("runs are arranged in lines of nearly equal length", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map((count) => columnsFor(count, 1280)),
    [1, 2, 3, 2, 3, 3],
  );
  assert.equal(columnsFor(3, 300), 1);
  assert.equal(columnsForSquares(3, 1280, 560, 60), 3);
  assert.equal(columnsForSquares(4, 700, 700, 60), 2);
});

const confusion = (counts, names = ["cat", "dog"]) =>
  confusionOf({
    facts: { class_names: names },
    arrays: { counts: { data: Float32Array.from(counts), shape: [2, 2] } },
  });

test("the difference of two confusion matrices is that of the shares of the true classes", () => {
  const [first, second] = [confusion([3, 1, 0, 4]), confusion([8, 0, 3, 5])];
  assert.deepEqual([accuracyOf(first), accuracyOf(second)], [7 / 8, 13 / 16]);
  assert.deepEqual([...differenceOf(first, second)], [0.25, -0.25, 0.375, -0.375]);
  assert.equal(differenceOf(first, confusion([1, 0, 0, 1], ["cat", "duck"])), null);
  assert.equal(cellText(first, 0, 1), "cat as dog: 1 of 4 (25.0 %)");
  assert.deepEqual([0.375, -0.04, 0.0001, 0].map(pointsText), ["+38", "−4.0", "", ""]);
});

test("a class without images has no shares", () => {
  assert.deepEqual([...confusion([0, 0, 1, 1]).shares], [0, 0, 0.5, 0.5]);
});

test("another image of the same place is seen", () => {
  const probe = (...bytes) => ({ arrays: { images: { data: Uint8Array.from(bytes), shape: [2, 1, 1, 2] } } });
  assert.ok(isSameImage(probe(1, 2, 3, 4), probe(9, 9, 3, 4), 1));
  assert.ok(!isSameImage(probe(1, 2, 3, 4), probe(9, 9, 3, 4), 0));
});

test("a link holds what is chosen, and what is not a number in it is as if it were not there", () => {
  const chosen = { shows: "kernels", layer: "block.0", image: 3, epoch: 0, seeds: "all" };
  const found = viewFromLink(Object.fromEntries(Object.entries(chosen).map(([key, value]) => [key, String(value)])));
  assert.deepEqual({ ...found, ...chosen }, found);
  assert.deepEqual(viewFromLink(viewToLink(found)), found);
  assert.deepEqual(viewFromLink({ epoch: "x", image: "-1", shows: "no" }), viewFromLink({}));
});

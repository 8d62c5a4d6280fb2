import assert from "node:assert/strict";
import { test } from "node:test";

import { accuracyOf, cellText, confusionOf, differenceOf, pointsText } from "#sweeps/confusion.js";
import {
  epochIndex,
  epochsOf,
  insideRuns,
  isSameImage,
  layerCounts,
  layerFor,
  layerNames,
  pictureAt,
  tagOf,
} from "#sweeps/inside-choice.js";
import { columnsFor, columnsForSquares, mapsOf, sharedScale, shownOf } from "#sweeps/inside-shown.js";
import { aboutParts, placeText } from "#sweeps/inside-words.js";
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
  assert.deepEqual(layerCounts([small, large], "maps", ["conv1", "extra"]), [2, 1]);
});

test("what is shown of a run is that of the layer of the chosen name, or of its place under other names", () => {
  const one = inside([layer("conv1"), layer("conv2"), layer("fc", "weights")]);
  const same = inside([layer("conv1"), layer("conv3")]);
  const other = inside([layer("stem.0"), layer("stem.3")]);
  const found = (network, shows, name) => layerFor(network, [one, same, other], shows, name)?.name ?? null;
  assert.equal(found(one, "maps", "conv2"), "conv2");
  assert.equal(found(same, "maps", "conv2"), null); // it has names in common with the one that has it
  assert.equal(found(other, "maps", "conv2"), "stem.3");
  assert.equal(found(one, "maps", "stem.0"), "conv1");
  assert.equal(found(other, "kernels", "fc"), null); // it has no third one
  assert.equal(found(one, "confusion", null), null);
  assert.equal(tagOf(one, "maps", null), null);
  assert.equal(tagOf(one, "kernels", layer("fc", "weights")), "kernels/fc");
  assert.equal(tagOf(one, "confusion", null), null);
});

test("runs of different numbers of steps are at the same epoch, or at the last one before it", () => {
  const one = inside([layer("a")], { "feature_maps/a": at(0, 10, 40) }, 10);
  const other = inside([layer("a")], { "feature_maps/a": at(0, 50, 100) }, 25);
  assert.deepEqual(epochsOf([one, other], ["feature_maps/a", "feature_maps/a"]), [0, 1, 2, 4]);
  assert.deepEqual(epochsOf([one, other], [null, "feature_maps/a"]), [0, 2, 4]);
  const picture = (of, epoch) => pictureAt(of, "feature_maps/a", epoch);
  assert.deepEqual(picture(one, 2), { key: "key 10", step: 10, epoch: 1, isLast: false });
  assert.deepEqual(picture(one, 7), { key: "key 40", step: 40, epoch: 4, isLast: true });
  assert.equal(picture(other, 2).key, "key 50");
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

const maps = (...data) =>
  shownOf(
    { numbers: { facts: {}, arrays: { before: { data: Float32Array.from(data), shape: [1, 1, 1, data.length] } } } },
    "maps",
    0,
  );
const weights = (data, shape) =>
  shownOf({ numbers: { facts: {}, arrays: { weight: { data: Float32Array.from(data), shape } } } }, "kernels", 0);

test("one scale reaches to the strongest finite number of all runs, and weights have both signs", () => {
  assert.deepEqual(sharedScale([maps(1, 2), null, maps(0, 7)]), { largest: 7, beyond: 0, isSigned: false });
  assert.deepEqual(sharedScale([maps(NaN, NaN), maps(-3)]), { largest: 3, beyond: 0, isSigned: true });
  assert.deepEqual(sharedScale([maps(NaN)]), { largest: NaN, beyond: 0, isSigned: false });
  assert.deepEqual(sharedScale([maps(0, 0), maps(NaN)]), { largest: 0, beyond: 0, isSigned: false });
  assert.deepEqual(sharedScale([weights([1, 2], [2, 1, 1, 1])]), { largest: 2, beyond: 0, isSigned: true });
});

test("runs that are far stronger than most do not make the others invisible", () => {
  assert.deepEqual(sharedScale([maps(1), maps(1e9), maps(3)]), { largest: 3, beyond: 1, isSigned: false });
  assert.deepEqual(sharedScale([maps(1), maps(1e9)]), { largest: 1, beyond: 1, isSigned: false });
  assert.equal(sharedScale([maps(1), maps(20)]).largest, 20);
});

test("what is drawn of a run is told, and what is not finite is counted", () => {
  const chosen = { layer: "conv1", epoch: 3, activation: "", largest: 5 };
  const cell = (epoch, isLast, state = "finished") => ({ layer: "conv1", picture: { epoch, isLast }, run: { state } });
  const about = (drawn, of = cell(3, true)) => aboutParts(of, drawn, chosen).join(", ");
  assert.equal(about(maps(1, -2, NaN)), "epoch 3, 1 map of 1×3, 1 not finite, the others up to 2.00");
  assert.equal(about(maps(9)), "epoch 3, 1 map of 1×1, up to 9.00, beyond the scale");
  assert.equal(about({ ...maps(0), activation: "ReLU" }), "epoch 3, 1 map of 1×1 after ReLU, all zero");
  assert.equal(about(maps(NaN)), "epoch 3, 1 map of 1×1, nothing finite");
  const times = [cell(0, true), cell(2, true, "running"), cell(2, true), cell(2, false), cell(4, true)];
  assert.deepEqual(
    times.map((of) => about(maps(0), of).split(", 1 map")[0]),
    [
      "untrained, its last picture",
      "epoch 2 so far",
      "epoch 2, its last picture",
      "epoch 2, the last picture before 3",
      "epoch 4, its first picture",
    ],
  );
  assert.match(about(maps(0), { ...cell(3, true), layer: "stem" }), /^layer stem in its place, epoch 3/);
});

test("a place is told with its number, in pictures that have it", () => {
  assert.equal(placeText(maps(1, 2), { channel: 0, row: 0, column: 1 }), "map 0, (0, 1): 2.00");
  assert.equal(placeText(maps(1, 2), { channel: 0, row: 0, column: 2 }), "");
  const kernels = weights([1, 2, 3, 4, 5, 6], [2, 3, 1, 1]);
  const text = (slice, channel = 1) => placeText(kernels, { channel, slice, row: 0, column: 0 });
  assert.deepEqual([text(2), text(3), text(0, 2)], ["kernel 1, input channel 2, (0, 0): 6.00", "", ""]);
  assert.equal(text(null), "kernel 1, (0, 0): red 4.00, green 5.00, blue 6.00");
  assert.equal(
    placeText(weights([7], [1, 1, 1, 1]), { channel: 0, slice: 0, row: 0, column: 0 }),
    "kernel 0, (0, 0): 7.00",
  );
  const matrix = weights([1, 2, 3, 4], [2, 2]);
  assert.equal(placeText(matrix, { channel: 1, slice: 0, row: 0, column: 0 }), "unit 1, input 0: 3.00");
  assert.equal(placeText(matrix, { channel: 1, slice: 0, row: 0, column: 2 }), "");
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

import assert from "node:assert/strict";
import { test } from "node:test";

import { isShared, scalesOf, scalesText } from "#layers/scales.js";
import { hasNegative, largestOf } from "#shared/map-range.js";
import { arrange } from "#shared/tiles.js";
import { isSameUnit, isWithin, pictureAt, strongestUnit, valueAt } from "#layers/values.js";
import { matching } from "#shared/run-picker.js";

const ROOM = { width: 600, height: 400, gap: 10, caption: 16, largest: 28 };

test("tiles are as large as whole pixels allow, inside their room", () => {
  for (const count of [1, 6, 16, 64]) {
    const { scale, width, height, places } = arrange(count, 28, 28, ROOM);
    assert.equal(places.length, count);
    assert.ok(Number.isInteger(scale) && scale >= 1 && width <= ROOM.width);
    const last = places.at(-1);
    assert.ok(last.x + 28 * scale <= width && last.y + 28 * scale <= height);
  }
  assert.equal(arrange(1, 5, 5, ROOM).scale, ROOM.largest);
});

const maps = { data: Float32Array.of(9, 0, -1, 2, 5, 5), offset: 1, channels: 1, height: 2, width: 2 };

test("values of one image are found behind its offset", () => {
  assert.equal(valueAt(maps, { channel: 0, row: 1, column: 0 }), 2);
  assert.deepEqual(strongestUnit(maps), { channel: 0, row: 1, column: 1 });
  assert.ok(isWithin({ channel: 0, row: 1, column: 1 }, maps) && !isWithin({ channel: 0, row: 2, column: 0 }, maps));
  assert.ok(isSameUnit(null, null) && !isSameUnit(null, { channel: 0, row: 0, column: 0 }));
  assert.equal(largestOf(maps), 5);
  assert.ok(hasNegative(maps));
  assert.equal(largestOf({ ...maps, data: new Float32Array(6) }), 0);
  assert.ok(Number.isNaN(largestOf({ ...maps, data: new Float32Array(6).fill(NaN) })));
});

test("the picture of a step is the last one before it", () => {
  const pictures = { tag: [{ step: 0 }, { step: 40 }] };
  assert.deepEqual(
    [39, 40, 99].map((step) => pictureAt(pictures, "tag", step).step),
    [0, 40, 40],
  );
  assert.equal(pictureAt(pictures, "other", 1), null);
});

test("two runs share their colours unless one would vanish beside the other", () => {
  const scales = (...largest) => scalesOf(largest, (each) => each);
  assert.deepEqual(scales(1, 3), [3, 3]);
  assert.deepEqual(scales(1, 5), [1, 5]);
  assert.deepEqual(scales(0, 5), [1, 5]);
  assert.equal(scalesText([3, 3]), "A and B on one scale");
  assert.match(scalesText([1, 5]), /each on a scale of its own: A to 1\.00, B to 5\.00/);
  assert.ok(isShared([NaN, NaN]));
});

test("a run is found by words in any order, of its name and of what is known of it", () => {
  const runs = [
    { name: "cifar10/quick", about: ["CIFAR10Quick", "lr 0.1"] },
    { name: "mnist/lenet", about: ["LeNet", "lr 0.02"] },
  ];
  const found = (text) => matching(runs, text).map(({ name }) => name);
  assert.deepEqual(found("QUICK cifar"), ["cifar10/quick"]);
  assert.deepEqual(found("mnist lr"), ["mnist/lenet"]);
  assert.deepEqual(found("0.1"), ["cifar10/quick"]);
  assert.deepEqual(found(""), ["cifar10/quick", "mnist/lenet"]);
});

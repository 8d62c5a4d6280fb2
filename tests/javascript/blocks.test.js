import assert from "node:assert/strict";
import { test } from "node:test";

import { ancestorsOf, blocksOf, collapsedAt, depthOf, initiallyCollapsed, nodesOf } from "#layers/blocks.js";
import { layoutNetwork } from "#layers/layout.js";
import { graphOf, readRecord } from "#layers/record.js";

const MAPS = [4, 4, 4];

const call = (name, inputs, more = {}) => ({
  name,
  type: "Conv2d",
  inputs,
  input_shape: MAPS,
  output_shape: MAPS,
  parameters: 10,
  macs: 100,
  ...more,
});

const ROWS = [
  call("stem", ["input"]),
  call("stage.0.conv", ["stem"]),
  call("stage.0.add", ["stage.0.conv", "stem"], { type: "add", parameters: 0 }),
  { ...call("stage.0 (own parameters)", []), output_shape: [], parameters: 3, macs: 0 },
  call("stage.1.conv", ["stage.0.add"], { output_shape: [8, 2, 2] }),
  call("cat", ["stage.1.conv", "stem"], { type: "cat" }),
  call("stage.1.conv:2", ["cat"], { parameters: 0 }),
];
const record = readRecord({ input_shape: MAPS, rows: ROWS, blocks: { stage: "Sequential", "stage.0": "Block" } });
const namesAt = (depth) => nodesOf(record, collapsedAt(record, depth)).map(({ name }) => name);

test("the blocks around a row are in its name", () => {
  assert.deepEqual(ancestorsOf("stage.0.conv:2"), ["stage", "stage.0"]);
  assert.deepEqual(ancestorsOf("stage.0 (own parameters)"), ["stage", "stage.0"]);
  assert.deepEqual(ancestorsOf("stem"), []);
});

test("a block has the sums of all of its rows", () => {
  const { parameters, macs, type } = record.blocks.get("stage");
  assert.deepEqual({ parameters, macs, type }, { parameters: 23, macs: 400, type: "Sequential" });
  assert.equal(record.blocks.get("stage.1").type, ""); // as in the record of an earlier run
  assert.equal(blocksOf(ROWS).get("stage").type, "");
  assert.equal(record.parameters, 43);
});

test("each depth has its nodes, and a block that is called again is another one", () => {
  assert.equal(depthOf(record), 2);
  assert.deepEqual(namesAt(1), ["input", "stem", "stage", "cat", "stage:2"]);
  assert.deepEqual(namesAt(2), ["input", "stem", "stage.0", "stage.1", "cat", "stage.1:2"]);
  assert.deepEqual(namesAt(null), ["input", ...ROWS.map(({ name }) => name).filter((name) => !name.includes(" "))]);
});

test("a node of a block stands for its rows", () => {
  const [, , stage, , again] = nodesOf(record, new Set(["stage"]));
  assert.deepEqual(stage.members, ["stage.0.conv", "stage.0.add", "stage.1.conv"]);
  assert.deepEqual([stage.output, stage.output_shape, stage.inputs], ["stage.1.conv", [8, 2, 2], ["stem"]]);
  assert.deepEqual([stage.parameters, stage.macs, again.parameters, again.macs], [23, 300, 0, 100]);
});

test("a small network begins expanded, a large one with blocks", () => {
  assert.equal(initiallyCollapsed(record).size, 0);
  const rows = Array.from({ length: 60 }, (_, i) =>
    call(`all.${i % 2}.${i}`, [i ? `all.${(i - 1) % 2}.${i - 1}` : "input"]),
  );
  const large = readRecord({ input_shape: MAPS, rows });
  assert.deepEqual(initiallyCollapsed(large), new Set(["all", "all.0", "all.1"]));
});

test("cards are indented below the heading of their block, and not cut by it", () => {
  const { cards, headings } = layoutNetwork(graphOf(nodesOf(record, new Set(["stage.1"]))), {
    alone: 300,
    main: 170,
    side: 130,
  });
  const at = Object.fromEntries(cards.map((card) => [card.row.name, card]));
  assert.deepEqual(
    headings.map(({ path, level }) => [path, level]),
    [
      ["stage", 0],
      ["stage.0", 1],
      ["stage", 0],
    ],
  );
  assert.ok(at.stem.x < at["stage.1"].x && at["stage.1"].x < at["stage.0.conv"].x);
  assert.ok(headings[0].bottom > at["stage.1"].y && headings[1].bottom < at["stage.1"].y);
  assert.deepEqual([at["stage.1"].label, at["stage.0.conv"].label], ["1", "conv"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsOf, nextSort, sorted } from "#sweeps/columns.js";
import { columnValue, passes, readFilter, STATE, valueText } from "#sweeps/filter.js";
import { fromLink, toLink } from "#sweeps/link.js";
import { rowsOf } from "#sweeps/rows.js";
import { chosenSettings, toggled } from "#sweeps/selection.js";
import { scaleOf } from "#sweeps/strip.js";
import { ago, duration, metric, settingName, shortKeys, stateWords, withDeviation } from "#sweeps/words.js";
import { INITIAL_STATE } from "#sweeps/initial-state.js";
import { readHash, writeHash } from "#shared/address.js";

const figures = (mean) => ({ n: mean === null ? 0 : 3, mean, deviation: 0.01, interval: 0.02 });
const run = (name, state = "finished", seconds = 10) => ({ run: name, state, seconds, reason: "", seed: 1 });
const setting = (id, values, mean, runs = [run(id)]) => ({ id, values, ...figures(mean), test: figures(mean), runs });

const SETTINGS = [
  setting("a", { model: "lenet", "optimizer.lr": 0.1 }, 0.9),
  setting("b", { model: "resnet18", "optimizer.lr": 0.01 }, 0.8, [run("b1"), run("b2", "failed", null)]),
  setting("c", { model: "lenet", "optimizer.lr": 0.001 }, null, [run("c1", "running", null)]),
];
const TABLE = {
  objective: "accuracy/val",
  tested: "accuracy/test",
  is_maximised: true,
  keys: ["model", "optimizer.lr"],
  settings: SETTINGS,
};
const ids = (settings) => settings.map(({ id }) => id).join("");
const filtered = (filter) => ids(SETTINGS.filter((one) => passes(one, filter)));

test("settings pass a range with both of its ends, and a list of values", () => {
  assert.equal(filtered({}), "abc");
  assert.equal(filtered({ "optimizer.lr": { low: 0.01, high: 0.1 } }), "ab");
  assert.equal(filtered({ "optimizer.lr": { low: null, high: 0.01 } }), "bc");
  assert.equal(filtered({ model: { values: ["lenet"] } }), "ac");
  assert.equal(filtered({ model: { values: ["lenet"] }, "optimizer.lr": { low: 0.05 } }), "a");
});

test("a setting without a result is in no range, and is found by the state of any of its runs", () => {
  assert.equal(filtered({ "@objective": { low: 0, high: null } }), "ab");
  assert.equal(filtered({ [STATE]: { values: ["failed", "running"] } }), "bc");
});

test("a value that a setting lacks is chosen as null, and an empty list lets nothing pass", () => {
  assert.equal(valueText(null), "null");
  assert.equal(filtered({ "model.hidden": { values: ["null"] } }), "abc");
  assert.equal(filtered({ model: { values: [] } }), "");
});

test("the time of a setting is the mean of the runs that have one", () => {
  assert.equal(columnValue(SETTINGS[1], "@seconds"), 10);
  assert.equal(columnValue(SETTINGS[2], "@seconds"), null);
});

test("filters of a link are read only if they are filters", () => {
  for (const wrong of ["", "{", "[]", "null", "3", '{"a":null}', '{"a":{"low":"x"}}', '{"a":{"values":[1]}}'])
    assert.equal(readFilter(wrong), null, wrong);
  const filter = { a: { low: 1, high: null }, b: { values: ["<b>", "null"] } };
  assert.deepEqual(readFilter(JSON.stringify(filter)), filter);
});

test("settings are sorted by numbers and texts; what has no value comes last", () => {
  const by = (column, isDescending = false) => ids(sorted(SETTINGS, { column, isDescending }));
  assert.equal(ids(sorted(SETTINGS, null)), "abc");
  assert.equal(by("optimizer.lr"), "cba");
  assert.equal(by("@objective"), "bac");
  assert.equal(by("@objective", true), "abc");
  assert.equal(by("model", true), "bac");
  assert.equal(by(STATE), "bac");
});

test("rows are settings with the runs of those that are expanded, the pinned ones first", () => {
  const state = { table: TABLE, matching: SETTINGS.slice(0, 2), sort: null, pinned: ["c"], expanded: ["b"] };
  assert.deepEqual(
    rowsOf(state).map(({ key }) => key),
    ["setting c", "setting a", "setting b", "run b1", "run b2"],
  );
});

test("a table in which nothing differs names its settings, and no column is wider than its texts need", () => {
  const of = (table) => columnsOf(table).map(({ id }) => id);
  assert.deepEqual(of(TABLE), ["@state", "model", "optimizer.lr", "@objective", "@n", "@test", "@seconds"]);
  assert.deepEqual(of({ ...TABLE, keys: [] }).slice(0, 3), ["@state", "@name", "@objective"]);
  const widthOf = (model) => {
    const settings = SETTINGS.map((one) => ({ ...one, values: { ...one.values, model } }));
    return Number.parseInt(columnsOf({ ...TABLE, settings })[1].width, 10);
  };
  assert.ok(widthOf("lenet") < widthOf("batchnorm_cnn") && widthOf("x".repeat(99)) === widthOf("x".repeat(50)));
});

test("a click on the title of a metric puts the best first, one on that of a key the smallest", () => {
  const sortsOf = (column, isMaximised) => {
    const table = { ...TABLE, is_maximised: isMaximised };
    let sort = null;
    return [1, 2, 3].map(() => (sort = nextSort({ sort, table }, column))?.isDescending ?? null);
  };
  assert.deepEqual(sortsOf("@objective", true), [true, false, null]);
  assert.deepEqual(sortsOf("@objective", false), [false, true, null]);
  assert.deepEqual(sortsOf("optimizer.lr", true), [false, true, null]);
});

test("a picked setting keeps its colour when another one is taken out", () => {
  assert.deepEqual(toggled(["a", "b", "c"], "b"), ["a", null, "c"]);
  assert.deepEqual(toggled(["a", null, "c"], "d"), ["a", "d", "c"]);
  assert.deepEqual(toggled(["a", null, "c"], "c"), ["a"]);
  const chosen = chosenSettings({ table: TABLE, picked: [null, "c", "gone", "a"], matching: SETTINGS });
  assert.deepEqual(
    chosen.map(({ setting: { id }, index }) => [id, index]),
    [
      ["c", 1],
      ["a", 3],
    ],
  );
});

test("the best that pass the filter are shown while none is picked", () => {
  const chosen = chosenSettings({ table: TABLE, picked: [], matching: SETTINGS.slice(1) });
  assert.deepEqual(
    chosen.map(({ setting: { id }, index }) => [id, index]),
    [
      ["b", 0],
      ["c", 1],
    ],
  );
});

test("the strips have the range of most values, so that one diverged run does not hide the others", () => {
  const near = scaleOf([0.9, 0.91, 0.92, 0.93], true);
  assert.ok(near.low < 0.9 && near.low > 0.89 && near.high > 0.93 && near.high < 0.94);
  const values = [0.1, 0.95, 0.951, 0.952, 0.953, 0.954, 0.955, 0.956];
  assert.ok(scaleOf(values, true).low > 0.9);
  assert.ok(scaleOf([0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 9], false).high < 1);
  assert.equal(scaleOf([], true), null);
  assert.equal(scaleOf([0.9, 0.95, 1], true, [0, 1]).high, 1);
  const { low, high } = scaleOf([0.5], true);
  assert.ok(low < 0.5 && high > 0.5);
});

test("a link to a state leads back to it", () => {
  const state = {
    ...INITIAL_STATE,
    folder: "sweeps/a b&c=<i>",
    sort: { column: "-odd", isDescending: true },
    filter: { "@objective": { low: 0.5, high: null }, model: { values: ['"quoted", 😀'] } },
    picked: ["3", null, "runs/a,b"],
    pinned: ["7"],
    expanded: ["3"],
    run: "sweeps/a b/model=lenet,seed=1",
    zoom: [-0.5, 2, 0.001, 3],
  };
  const found = fromLink(readHash(writeHash("#sweeps", "sweeps", toLink(state)), "sweeps"));
  for (const [name, value] of Object.entries(found)) assert.deepEqual(value, state[name], name);
});

test("the folder of the runs outside of sweeps has a link too, and parts that cannot be read are left out", () => {
  assert.equal(fromLink(toLink({ ...INITIAL_STATE, folder: "" })).folder, "");
  const found = fromLink({ view: "none", filter: "{", picked: "%E0%A4%A", zoom: "1,2,4,3" });
  assert.deepEqual([found.view, found.filter, found.picked, found.folder], ["table", {}, [], null]);
  assert.deepEqual([found.zoom, fromLink({ zoom: "1,2,x,3" }).zoom], [null, null]);
});

test("metrics are written as in the terminal", () => {
  assert.equal(metric("accuracy/val", 0.98754), "98.75 %");
  assert.equal(metric("loss/val", 0.123456), "0.1235");
  assert.equal(metric("loss/val", null), "–");
  assert.equal(withDeviation("accuracy/val", { mean: 0.9, deviation: 0.0123 }), "90.00 ± 1.23 %");
  assert.equal(withDeviation("loss/val", { mean: 0.9, deviation: null }), "0.9000");
});

test("times in words", () => {
  assert.deepEqual([9.04, 59.4, 185, 7800].map(duration), ["9.0 s", "59 s", "3:05 min", "2:10 h"]);
  assert.deepEqual(
    [30, 300, 7200, 3e5].map((past) => ago(1e6 - past, 1e6)),
    ["just now", "5 min ago", "2 h ago", "3 days ago"],
  );
});

test("the states of a setting begin with what needs a look", () => {
  assert.deepEqual(stateWords([run("a"), run("b")]), ["finished"]);
  assert.deepEqual(stateWords([run("a", "running")]), ["running"]);
  assert.deepEqual(stateWords([run("a"), run("b", "waiting"), run("c", "failed")]), [
    "1 failed",
    "1 waiting",
    "1 finished",
  ]);
});

test("keys are shortened where they stay different", () => {
  assert.deepEqual(shortKeys(["optimizer.lr", "model"]), ["lr", "model"]);
  assert.deepEqual(shortKeys(["a.size", "b.size"]), ["a.size", "b.size"]);
  assert.equal(settingName(SETTINGS[0], TABLE.keys), "model lenet · lr 0.1");
  assert.equal(settingName(setting("damaged", { model: null }, null), TABLE.keys), "damaged");
});

test("the metric on the test split has no second column if it is the objective", () => {
  const titles = (table) => columnsOf(table).map(({ title }) => title);
  assert.deepEqual(titles(TABLE), ["state", "model", "lr", "accuracy/val", "n", "accuracy/test", "time"]);
  assert.deepEqual(
    titles({ ...TABLE, objective: "accuracy/test" }).filter((title) => title === "accuracy/test").length,
    1,
  );
});

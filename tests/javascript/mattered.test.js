import assert from "node:assert/strict";
import { test } from "node:test";

import { movedEnd } from "#sweeps/axis-ends.js";
import { passes } from "#sweeps/filter.js";
import { goodness, objectiveRange } from "#sweeps/goodness.js";
import { shownKeys } from "#sweeps/heat-map.js";
import { keyAxis, placeOf } from "#sweeps/key-axis.js";
import { keyDots, keyScales, meanAt, meanBars, nearestDot } from "#sweeps/key-drawing.js";
import { distinctValues, heatCells, meansBy } from "#sweeps/key-statistics.js";
import { nearestLine, parallelAxes, parallelLines } from "#sweeps/parallel-drawing.js";
import { VIEW_DEFAULTS, viewFromLink, viewToLink } from "#sweeps/view-options.js";

const setting = (id, mean, values) => ({ id, mean, values, n: 1, test: { mean }, runs: [] });

const SETTINGS = [
  setting("a", 0.99, { model: "lenet", lr: 0.1, decay: null }),
  setting("b", 0.98, { model: "cnn", lr: 0.1, decay: 0 }),
  setting("c", 0.97, { model: "lenet", lr: 0.01, decay: 0 }),
  setting("d", 0.9, { model: "cnn", lr: 0.001, decay: 0.5 }),
  setting("e", null, { model: "cnn", lr: 0.01, decay: 0 }),
];
const TABLE = {
  objective: "accuracy/val",
  is_maximised: true,
  keys: ["model", "lr", "decay"],
  scales: { model: "category", lr: "log", decay: "category" },
  settings: SETTINGS,
};
const PLACES = [200, 0];

test("a brush filters by what lies between its two places", () => {
  for (const column of [...TABLE.keys, "@objective"]) {
    const axis = keyAxis(column, TABLE, PLACES);
    const reach = axis.band / 2; // a category is chosen by any part of it
    for (let from = 5; from < 200; from += 19)
      for (let to = from + 10; to < 200; to += 19) {
        const rule = axis.ruleOf(from, to);
        for (const each of SETTINGS) {
          const place = placeOf(each, axis);
          const isPassed = passes(each, { [column]: rule });
          const isInside = place !== null && place > from - reach + 1 && place < to + reach - 1;
          const isOutside = place === null || place < from - reach - 1 || place > to + reach + 1;
          if (isInside || isOutside) assert.equal(isPassed, isInside, `${column} ${from} ${to} ${each.id}`);
        }
      }
  }
});

test("a brush up to the end of an axis is open, and one of all of it is no filter", () => {
  const axis = keyAxis("lr", TABLE, PLACES);
  assert.equal(axis.ruleOf(0, 200), null);
  assert.deepEqual([axis.ruleOf(100, 200).low, axis.ruleOf(0, 100).high], [null, null]);
  assert.deepEqual(axis.placesOf({ low: null, high: null }), [[200, 0]]);
  const [[from, to]] = axis.placesOf(axis.ruleOf(50, 150));
  assert.ok(Math.abs(from - 150) < 1 && Math.abs(to - 50) < 1);
});

test("a brush on categories chooses whole ones, also none for a value that is not there", () => {
  const axis = keyAxis("decay", TABLE, PLACES);
  assert.deepEqual(
    axis.ticks.map(({ text }) => text),
    ["0", "0.5", "–"],
  );
  assert.deepEqual(axis.ruleOf(0, 10), { values: ["null"] });
  assert.deepEqual(
    axis
      .placesOf({ values: ["0"] })
      .flat()
      .map(Math.round),
    [200, 133],
  );
});

test("a bound has no more digits than its pixel needs, and leaves nothing out", () => {
  const settings = [0.0123456, 0.5, 0.987654].map((lr, i) => setting(String(i), 0.9, { lr }));
  const axis = keyAxis("lr", { ...TABLE, scales: { lr: "linear" }, settings }, PLACES);
  const { low, high } = axis.ruleOf(axis.at(0.5) + 1, axis.at(0.5) - 1);
  assert.ok(low < 0.5 && high > 0.5);
  assert.ok([low, high].every((bound) => String(bound).length <= 5));
});

test("a filter of another kind than the axis, as a link may have it, has its places too", () => {
  const lr = keyAxis("lr", TABLE, PLACES);
  assert.equal(lr.placesOf({ values: ["0.1", "none"] }).length, 1);
  assert.deepEqual(lr.boundsOf({ values: ["0.1", "0.01"] }), [0.01, 0.1]);
  const decay = keyAxis("decay", TABLE, PLACES);
  assert.equal(decay.placesOf({ low: 0.1, high: null }).length, 1);
  assert.deepEqual(decay.boundsOf({ low: 0.1, high: null }), [1, 1]);
  assert.deepEqual(keyAxis("model", TABLE, PLACES).placesOf({ low: 1 }), []);
});

test("the ends of a range are moved by keys from value to value, and do not pass each other", () => {
  const axis = keyAxis("lr", TABLE, PLACES);
  assert.deepEqual(movedEnd(axis, null, 0, 1), { low: 0.01, high: null });
  assert.deepEqual(movedEnd(axis, null, 1, -1), { low: null, high: 0.01 });
  assert.equal(movedEnd(axis, null, 0, -1), null);
  assert.equal(movedEnd(axis, { low: 0.01, high: null }, 0, -Infinity), null);
  assert.deepEqual(movedEnd(axis, { low: null, high: 0.01 }, 0, Infinity), { low: 0.01, high: 0.01 });
  assert.deepEqual(movedEnd(axis, { low: 0.005, high: null }, 0, 1), { low: 0.01, high: null });
  const model = keyAxis("model", TABLE, PLACES);
  assert.deepEqual(movedEnd(model, null, 0, 1), { values: ["cnn"] });
  assert.equal(movedEnd(model, { values: ["cnn"] }, 0, -1), null);
  assert.deepEqual([model.boundText(0), model.boundPlace(0, 0), model.boundPlace(0, 1)], ["lenet", 200, 100]);
});

test("an axis of many values has round stops at about equal distances", () => {
  const settings = Array.from({ length: 99 }, (_, i) => setting(String(i), 0.9, { lr: 10 ** (-i / 25) }));
  for (const kind of ["log", "linear"]) {
    const axis = keyAxis("lr", { ...TABLE, scales: { lr: kind }, settings }, PLACES);
    assert.ok(axis.stops.length > 20 && axis.stops.length < 30);
    assert.deepEqual(
      axis.stops.toSorted((a, b) => a - b),
      axis.stops,
    );
    assert.ok(axis.stops.slice(1, -1).every((stop) => String(stop).length <= 8));
  }
  const objective = keyAxis("@objective", TABLE, PLACES);
  assert.match(objective.boundText(objective.stops[3]), /^9\d\.\d\d %$/);
});

test("a setting that is far worse than most is at the end of the axis", () => {
  assert.deepEqual(objectiveRange(TABLE), { best: 0.99, worst: 0.9, isCut: false });
  const settings = [0.99, 0.98, 0.98, 0.97, 0.1].map((mean, i) => setting(String(i), mean, {}));
  const table = { ...TABLE, settings };
  const { best, worst, isCut } = objectiveRange(table);
  assert.ok(isCut && best === 0.99 && Math.abs(worst - 0.93) < 1e-9);
  assert.deepEqual([0.99, 0.1, null].map(goodness(table)), [1, 0, null]);
  const axis = keyAxis("@objective", table, PLACES);
  assert.deepEqual([axis.at(0.1), axis.isOff(0.1), axis.isOff(0.95)], [200, true, false]);
  assert.equal(axis.ruleOf(150, 200).low, null); // so that a brush up to the end includes it
  assert.equal(objectiveRange({ ...table, settings: [setting("a", null, {})] }), null);
});

test("a smaller loss is better", () => {
  const settings = [0.1, 0.2, 0.3].map((mean, i) => setting(String(i), mean, {}));
  const good = goodness({ ...TABLE, is_maximised: false, settings });
  assert.deepEqual([0.1, 0.3].map(good), [1, 0]);
});

test("values are in the order of the axis", () => {
  assert.deepEqual(distinctValues(SETTINGS, "lr"), [0.001, 0.01, 0.1]);
  assert.deepEqual(distinctValues(SETTINGS, "decay"), [0, 0.5, null]);
  assert.deepEqual(distinctValues(SETTINGS, "model"), ["lenet", "cnn"]);
});

test("each value has the mean of its settings; many values are put into groups of equal size", () => {
  assert.deepEqual(
    meansBy(SETTINGS, "lr", "log").map(({ low, mean, n }) => [low, mean, n]),
    [
      [0.001, 0.9, 1],
      [0.01, 0.97, 1],
      [0.1, 0.985, 2],
    ],
  );
  assert.equal(meansBy(SETTINGS, "decay", "category").at(-1).low, null);
  const many = Array.from({ length: 60 }, (_, i) => setting(String(i), i, { lr: i + 1 }));
  const groups = meansBy(many, "lr", "linear");
  assert.deepEqual(
    groups.map(({ n }) => n),
    [10, 10, 10, 10, 10, 10],
  );
  assert.deepEqual(groups[0], { low: 1, high: 10, mean: 4.5, n: 10 });
  assert.deepEqual(meansBy([], "lr", "log"), []);
});

test("a heat map has the mean of each pair of values, and says where there is none", () => {
  const { columns, rows, cells } = heatCells(TABLE, "model", "lr");
  assert.deepEqual(
    [columns.map(({ low }) => low), rows.map(({ low }) => low)],
    [
      ["lenet", "cnn"],
      [0.001, 0.01, 0.1],
    ],
  );
  assert.deepEqual(
    cells.map((row) => row.map(({ mean, n }) => [mean, n])),
    [
      [
        [null, 0],
        [0.9, 1],
      ],
      [
        [0.97, 1],
        [null, 0],
      ],
      [
        [0.99, 1],
        [0.98, 1],
      ],
    ],
  );
});

test("every setting is in one cell of a heat map of many values", () => {
  const settings = Array.from({ length: 100 }, (_, i) => setting(String(i), i, { lr: 10 ** (-i / 25), model: i % 2 }));
  const { rows, cells } = heatCells({ settings, scales: { lr: "log", model: "linear" } }, "model", "lr");
  assert.equal(rows.length, 8);
  assert.equal(heatCells({ settings, scales: { lr: "log", model: "linear" } }, "lr", "model").columns.length, 5);
  assert.equal(
    cells.flat().reduce((sum, { n }) => sum + n, 0),
    100,
  );
});

test("a heat map shows the chosen keys, else the most important ones, the one of fewer values across", () => {
  const importance = { shares: { lr: 0.5, model: 0.1 } };
  const shown = (keyX, keyY) => shownKeys({ table: TABLE, importance, keyX, keyY });
  assert.deepEqual(shown(null, null), ["model", "lr"]);
  assert.deepEqual(shown("decay", "lr"), ["decay", "lr"]);
  assert.deepEqual(shown("lr", "lr"), ["lr", "model"]);
  assert.deepEqual(shown("gone", "decay"), ["lr", "decay"]);
});

test("dots of equal value are spread, and the nearest one is found", () => {
  const scales = keyScales("model", TABLE, { width: 400, height: 200 });
  const dots = keyDots(SETTINGS, scales);
  assert.deepEqual(
    dots.map(({ setting: { id } }) => id),
    ["a", "b", "c", "d"],
  );
  assert.notEqual(dots[0].x, dots[2].x);
  assert.equal(nearestDot(dots, [dots[2].x + 2, dots[2].y - 2]).id, "c");
  assert.equal(nearestDot(dots, [0, 0]), null);
});

test("the mean that is pointed at is found", () => {
  const scales = keyScales("model", TABLE, { width: 400, height: 200 });
  const bars = meanBars(meansBy(SETTINGS, "model", "category"), scales);
  const [first] = bars;
  assert.deepEqual(meanAt(bars, [first.middle, first.height + 2]), { low: "lenet", high: "lenet", mean: 0.98, n: 2 });
  assert.equal(meanAt(bars, [first.middle, first.height + 20]), null);
});

test("a line goes through its values; without one it has a gap, and lines of one category are spread", () => {
  const axes = parallelAxes(TABLE, ["model", "lr", "@objective"], { width: 600, height: 300 });
  const lines = parallelLines(SETTINGS, axes);
  assert.notEqual(lines[0].heights[0], lines[2].heights[0]);
  assert.equal(lines[0].heights[1], lines[1].heights[1]);
  assert.equal(lines[4].heights[2], null);
  const middle = [(axes[0].x + axes[1].x) / 2, (lines[3].heights[0] + lines[3].heights[1]) / 2];
  assert.equal(nearestLine(lines, axes, middle).id, "d");
  assert.equal(nearestLine(lines, axes, [axes[0].x + 5, 5]), null);
  assert.equal(nearestLine(lines, axes, [599, 100]), null);
});

test("a link holds the options, and what cannot be read is as by default", () => {
  assert.deepEqual(viewFromLink({}), VIEW_DEFAULTS);
  const chosen = {
    ...VIEW_DEFAULTS,
    tag: "lr",
    axis: "time",
    smoothing: 0.5,
    band: "range",
    logY: true,
    keyX: "a=b&c",
  };
  const link = Object.fromEntries(Object.entries(viewToLink(chosen)).filter(([, value]) => value !== null));
  assert.deepEqual(Object.keys(link).toSorted(), ["axis", "band", "keyX", "logY", "smoothing", "tag"]);
  assert.deepEqual(viewFromLink(Object.fromEntries(Object.entries(link).map(([k, v]) => [k, String(v)]))), chosen);
  const odd = viewFromLink({ axis: "weight", band: "", smoothing: "7", logX: "yes" });
  assert.deepEqual(odd, { ...VIEW_DEFAULTS, smoothing: 0.99 });
  assert.equal(viewFromLink({ smoothing: "much" }).smoothing, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { axisScale } from "#shared/axis-scale.js";
import { partsOf, placeText, thinned } from "#sweeps/curve-drawing.js";
import { differingKeys } from "#sweeps/curve-legend.js";
import { fullView } from "#sweeps/curve-scales.js";
import { seriesOf } from "#sweeps/curve-series.js";
import { meanCurve, nearestPoint, ordered, positions, smoothed } from "#sweeps/curve-statistics.js";
import { tQuantile } from "#sweeps/student.js";

import { cases } from "./cases.js";

const run = (steps, values) => ({ steps, values, x: steps });
const near = (found, wanted) =>
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-9, `${found} is not ${wanted}`));

test("the quantiles of Student's t are those of results/statistics.py", () => {
  for (const [degrees, quantile] of Object.entries(cases.t_quantiles))
    assert.ok(Math.abs(tQuantile(Number(degrees)) / quantile - 1) < 1e-5, degrees);
});

test("smoothing begins at the first value, as in TensorBoard, and passes over what is not finite", () => {
  near(smoothed([1, 1, 1], 0.9), [1, 1, 1]);
  near(smoothed([1, 3], 0.5), [1, (0.25 * 1 + 0.5 * 3) / 0.75]);
  const [first, second, third] = smoothed([1, NaN, 3], 0.5);
  near([first, third], smoothed([1, 3], 0.5));
  assert.ok(Number.isNaN(second));
});

test("a mean has a band of the standard deviation, the 95 % interval or the range", () => {
  const runs = [run([1, 2], [1, 10]), run([1, 2], [2, 20]), run([1, 2], [3, 30])];
  const deviation = meanCurve(runs, "deviation");
  near(deviation.mean, [2, 20]);
  near(deviation.high, [3, 30]);
  const half = (cases.t_quantiles[2] * 1) / Math.sqrt(3);
  assert.ok(Math.abs(meanCurve(runs, "interval").high[0] - (2 + half)) < 1e-5);
  near(meanCurve(runs, "range").low, [1, 10]);
  assert.ok(Number.isNaN(meanCurve(runs, "none").low[0]));
  assert.ok(Number.isNaN(meanCurve(runs.slice(0, 1), "deviation").low[0]));
});

test("a run counts as far as it has come, and a value that is not finite never", () => {
  const curve = meanCurve([run([1, 2, 3], [1, 2, 3]), run([1, 2], [3, NaN])], "deviation");
  assert.deepEqual(curve.count, [2, 1, 1]);
  near(curve.mean, [2, 2, 3]);
  assert.equal(curve.most, 2);
});

test("between its points a run is a straight line", () => {
  const curve = meanCurve([run([0, 10], [0, 10]), run([0, 5, 10], [2, 2, 2])], "none");
  assert.deepEqual(curve.x, [0, 5, 10]);
  near(curve.mean, [1, 3.5, 6]);
});

test("points are by step, epoch or time", () => {
  const points = { steps: [10, 20], values: [0, 0], times: [105, 110], steps_per_epoch: 10 };
  assert.deepEqual(positions(points, "step"), [10, 20]);
  assert.deepEqual(positions(points, "epoch"), [1, 2]);
  assert.deepEqual(positions(points, "time", 100), [5, 10]);
  assert.deepEqual(positions(points, "time"), [0, 5]);
  assert.deepEqual(positions(points, "time", 1000), [0, 5]); // a clock that was wrong
  assert.equal(positions({ ...points, steps_per_epoch: null }, "epoch"), null);
});

test("each step counts once, the later one", () => {
  const found = ordered({ steps: [1, 2, 3, 2, 3], values: [1, 2, 3, 4, 5], times: [1, 2, 3, 4, 5] });
  assert.deepEqual(
    [found.steps, found.values],
    [
      [1, 2, 3],
      [1, 4, 5],
    ],
  );
});

test("the nearest point is within reach of the curve", () => {
  const curve = { x: [0, 10, 20] };
  assert.deepEqual(
    [-5, -1, 4, 6, 21, 30].map((x) => nearestPoint(curve, x, 2)),
    [-1, 0, 0, 1, 2, -1],
  );
});

const setting = (id, runs) => ({ setting: { id, runs }, index: 0 });
const OPTIONS = { axis: "epoch", smoothing: 0, band: "deviation" };

test("a setting without points is no series; a finished run's epochs are derived from its last step", () => {
  const curves = new Map([
    ["a", { steps: [10, 20], values: [1, 2], times: [0, 1], steps_per_epoch: null }],
    ["b", { steps: [], values: [], times: [], steps_per_epoch: null }],
    ["c", { steps: [10, 25], values: [1, 2], times: [0, 1], steps_per_epoch: null }],
  ]);
  const chosen = [
    setting("1", [{ run: "a", state: "finished", epochs: 2, started: null }]),
    setting("2", [{ run: "b" }, { run: "missing" }]),
    setting("3", [{ run: "c", state: "running", epochs: 2, started: null }]),
  ];
  const [first, third] = seriesOf(chosen, curves, new Map(), OPTIONS);
  assert.deepEqual([first.id, first.curve.x, first.missing], ["1", [1, 2], 0]);
  assert.deepEqual([third.id, third.curve.x, third.missing], ["3", [], 1]);
});

const series = (values, x = values.map((_, i) => i)) => ({
  curve: {
    x,
    mean: values,
    low: values.map(() => NaN),
    high: values.map(() => NaN),
    count: values.map(() => 1),
    most: 1,
  },
});

test("the plot shows every curve, but one that diverges does not squeeze the others", () => {
  const usual = series(Array.from({ length: 100 }, (_, i) => Math.exp(-i / 30)));
  const options = { tag: "loss/val" };
  const { x, y, isCut } = fullView([usual], options);
  assert.deepEqual([x, isCut], [[0, 99], false]);
  assert.ok(y[0] < Math.exp(-99 / 30) && y[1] > 1);
  const wild = fullView([usual, series([1, 1e6])], options);
  assert.ok(wild.isCut && wild.y[1] < 10);
  assert.equal(fullView([series([NaN])], options), null);
  assert.equal(fullView([series([-1, 0])], { ...options, logY: true }), null);
});

test("the plot of an accuracy ends at 100 %, also where its band goes beyond", () => {
  const one = series([0.6, 0.9]);
  one.curve.low = [0.4, 0.7];
  one.curve.high = [0.8, 1.1];
  const { y, isCut } = fullView([one], { tag: "accuracy/val" });
  assert.ok(y[0] > 0.3 && y[0] < 0.4);
  assert.deepEqual([y[1], isCut], [1, false]);
});

test("a curve is drawn in parts: without what is missing, and joined where the number of runs changes", () => {
  const scales = { x: axisScale([0, 9], [0, 9]), y: axisScale([0, 9], [9, 0]) };
  const curve = { x: [0, 1, 2, 3, 4], mean: [1, 1, NaN, 1, 1], count: [2, 2, 0, 2, 1] };
  assert.deepEqual(
    partsOf(curve, scales, (count) => count === 2),
    [
      { from: 0, to: 1 },
      { from: 3, to: 3 },
    ],
  );
  assert.deepEqual(
    partsOf(curve, scales, (count) => count < 2),
    [{ from: 3, to: 4 }],
  );
});

test("very many points are drawn as the outline of each pixel", () => {
  const xs = Array.from({ length: 10_000 }, (_, i) => i);
  const ys = xs.map((x) => (x === 5_000 ? 100 : x % 2));
  const scales = { x: axisScale([0, 10_000], [0, 100]), y: axisScale([0, 100], [100, 0]) };
  const points = thinned(xs, ys, { from: 0, to: 9_999 }, scales);
  assert.ok(points.length <= 2 * 101);
  assert.ok(points.some(([, y]) => y === 0)); // the peak is kept
  assert.equal(thinned(xs, ys, { from: 0, to: 50 }, { ...scales, x: axisScale([0, 50], [0, 100]) }).length, 51);
});

test("a place on the x axis is told in its unit", () => {
  assert.deepEqual(
    [placeText(3, "epoch"), placeText(2.5, "epoch"), placeText(120, "step"), placeText(90, "time")],
    ["epoch 3", "epoch 2.5", "step 120", "90 s"],
  );
});

test("settings are told apart by the keys in which they differ", () => {
  const settings = [{ values: { model: "lenet", lr: 1 } }, { values: { model: "lenet", lr: 2 } }];
  assert.deepEqual(differingKeys(settings, ["model", "lr"]), ["lr"]);
  assert.deepEqual(differingKeys(settings.slice(0, 1), ["model", "lr"]), ["model", "lr"]);
});

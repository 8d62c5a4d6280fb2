import assert from "node:assert/strict";
import { test } from "node:test";

import { scaleBar } from "#shared/scale-bar.js";
import { lineChart, pointBy } from "#shared/charts.js";

import { find, useFakeDocument } from "./fake_document.js";

useFakeDocument();

const chart = (points, options = {}) => lineChart({ title: "T", lines: [{ name: "A", points }], now: 0, ...options });

test("zeros, missing and infinite values are told apart", () => {
  assert.match(
    chart(
      [
        [0, 0],
        [1, 0],
      ],
      { isLog: true },
    ).textContent,
    /0 at every epoch/,
  );
  assert.match(chart([]).textContent, /Not recorded/);
  assert.match(chart([[0, NaN]]).textContent, /No finite value/);
  assert.equal(scaleBar(0, true, "light").textContent, "all zero");
  assert.equal(scaleBar(NaN, true, "light").textContent, "nothing finite");
});

test("the value at the marked epoch is told, and the curve is drawn", () => {
  const figure = chart(
    [
      [0, 1],
      [2, 5],
    ],
    { now: 1 },
  );
  assert.match(figure.textContent, /^T1\.00/);
  assert.equal(find(figure, "polyline").length, 1);
  assert.equal(find(figure, "circle").length, 3); // one a point, and the marked one
});

test("the point at an epoch is the last one before it", () => {
  const points = [
    [0, "a"],
    [2, "b"],
  ];
  assert.deepEqual(
    [-1, 0, 1.9, 2, 3].map((epoch) => pointBy(points, epoch)?.[1]),
    [undefined, "a", "a", "b", "b"],
  );
});

test("a zero on a logarithmic scale has a line of its own below it", () => {
  const points = [
    [0, 1],
    [1, 0.01],
    [2, 0],
  ];
  const figure = chart(points, { isLog: true, now: 2 });
  const [line] = find(figure, "polyline");
  const heights = line.attributes.points.split(" ").map((pair) => Number(pair.split(",")[1]));
  assert.equal(heights.length, 3);
  assert.ok(heights[0] < heights[1] && heights[1] < heights[2]);
  assert.match(figure.textContent, /^T0/);
  assert.equal(find(figure, "circle").length, 4); // the zero too, and the marked one
});

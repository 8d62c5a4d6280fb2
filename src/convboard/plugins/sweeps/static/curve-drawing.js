/** Curves on a canvas: a line for each mean, thin and broken where fewer runs have got so far, and its band. */

import { duration, ticks, timeTicks, wholeTicks } from "../../shared/static/axis-scale.js";
import { clipped, crisp, drawAxes, line } from "../../shared/static/plot-axes.js";
import { metricTicks } from "./metric-ticks.js";

const FAINT = 0.28; // opacity of a curve behind its smoothed one
const BAND = 0.2; // opacity of the band of a single curve; several share it
const FEW = 12; // points of a curve that are drawn as dots, too
const MANY = 30; // curves that are drawn as thin lines, which takes less time
const DOT = 4; // pixels of a dot beyond its centre
const PER_PIXEL = 2; // more points than these are drawn as the smallest and the largest of each pixel

/** A place on the x axis in words, such as "epoch 3". */
export function placeText(x, axis) {
  if (axis === "time") return duration(x);
  return `${axis} ${Number(x.toFixed(axis === "step" ? 0 : 2))}`;
}

/** Draw the grid and the texts of both axes. */
export function drawScales(context, { scales, area, axis, tag, colours }) {
  const marks = (scale, found) => found.map(({ value, text }) => ({ place: scale.at(value), text }));
  const down = Math.max(2, Math.round((area.bottom - area.top) / 60));
  const [x, y] = [marks(scales.x, ticksOfX(scales.x, area, axis)), marks(scales.y, metricTicks(tag, scales.y, down))];
  drawAxes(context, area, { x, y }, colours);
  if (axis === "time") return; // whose texts have a unit
  Object.assign(context, { textAlign: "right", textBaseline: "alphabetic" });
  context.fillText(axis, area.right - 4, area.bottom - 6);
}

/** Of steps and epochs only whole numbers are written, if there is any. */
function ticksOfX(scale, { left, right }, axis) {
  const count = Math.max(2, Math.round((right - left) / 90));
  if (scale.isLog) return ticks(scale, count);
  if (axis === "time") return timeTicks(scale, count);
  const whole = wholeTicks(scale, count);
  return whole.length ? whole : ticks(scale, count);
}

/** The plot's area, in which dots at its edges are whole. */
const withDots = ({ left, right, top, bottom }) => ({
  left: left - DOT,
  right: right + DOT,
  top: top - DOT,
  bottom: bottom + DOT,
});

/** Draw all curves, the first one above the others. */
export function drawCurves(context, { series, scales, area }) {
  const behind = series.toReversed();
  clipped(context, area, () => {
    for (const each of behind) drawBand(context, each, scales, BAND / Math.sqrt(series.length));
  });
  clipped(context, withDots(area), () => {
    for (const each of behind) drawLines(context, each, scales, series.length > MANY ? 1 : 1.6);
  });
}

/** Draw one curve so that it stands out. */
export function drawPointed(context, { series, scales, area }) {
  clipped(context, area, () => drawBand(context, series, scales, BAND));
  clipped(context, withDots(area), () => drawLines(context, series, scales, 2.6));
}

function drawLines(context, { curve, raw, colour }, scales, width) {
  context.strokeStyle = colour;
  context.lineJoin = width > 1 ? "round" : "bevel";
  if (raw) {
    Object.assign(context, { globalAlpha: FAINT, lineWidth: 1 });
    strokeParts(context, raw, scales, () => true);
    context.globalAlpha = 1;
  }
  context.lineWidth = width;
  if (curve.x.length <= FEW) drawPoints(context, curve, scales);
  strokeParts(context, curve, scales, (count) => count === curve.most);
  if (curve.count.some((count) => count < curve.most)) {
    Object.assign(context, { lineWidth: width * 0.7 });
    context.setLineDash([4, 3]);
    strokeParts(context, curve, scales, (count) => count < curve.most);
    context.setLineDash([]);
  }
}

/** Of few points, each can be seen. */
function drawPoints(context, { x, mean }, scales) {
  x.forEach((at, i) => {
    if (isDrawn(at, mean[i], scales)) dot(context, scales.x.at(at), scales.y.at(mean[i]), 3, context.strokeStyle);
  });
}

function strokeParts(context, curve, scales, isMeant) {
  for (const { from, to } of partsOf(curve, scales, isMeant)) {
    if (from === to) {
      dot(context, scales.x.at(curve.x[from]), scales.y.at(curve.mean[from]), 2.5, context.strokeStyle);
      continue;
    }
    const points = thinned(curve.x, curve.mean, { from, to }, scales);
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
}

/** Whether a point has a place on the scales. */
const isDrawn = (x, y, scales) =>
  Number.isFinite(x) && Number.isFinite(y) && (!scales.x.isLog || x > 0) && (!scales.y.isLog || y > 0);

/**
 * The longest parts of a curve without a gap, of points of whose number of runs `isMeant` says that they are meant. A
 * part begins at the point before it, if there is one, so that the line has no hole where the number of runs changes.
 * @returns {{from: number, to: number}[]}
 */
export function partsOf({ x, mean, count }, scales, isMeant) {
  const parts = [];
  const isThere = (i) => i >= 0 && i < x.length && isDrawn(x[i], mean[i], scales);
  let from = -1;
  for (let i = 0; i <= x.length; i++) {
    const isIn = isThere(i) && isMeant(count[i]);
    if (isIn && from < 0) from = isThere(i - 1) ? i - 1 : i;
    if (isIn || from < 0) continue;
    parts.push({ from, to: i - 1 });
    from = -1;
  }
  return parts;
}

/** The points of a part in pixels; of very many, those that make its outline. */
export function thinned(xs, ys, { from, to }, { x, y }) {
  const points = [];
  const isDense = to - from > PER_PIXEL * Math.abs(x.at(xs[to]) - x.at(xs[from]));
  if (!isDense) {
    for (let i = from; i <= to; i++) points.push([x.at(xs[i]), y.at(ys[i])]);
    return points;
  }
  for (let i = from; i <= to;) {
    const pixel = Math.floor(x.at(xs[i]));
    let [low, high] = [Infinity, -Infinity];
    for (; i <= to && Math.floor(x.at(xs[i])) === pixel; i++) {
      low = Math.min(low, y.at(ys[i]));
      high = Math.max(high, y.at(ys[i]));
    }
    points.push([pixel, low], [pixel, high]);
  }
  return points;
}

function drawBand(context, { curve, colour }, scales, opacity) {
  const { x, low, high } = curve;
  const floor = scales.y.isLog ? (value) => Math.max(value, scales.y.low) : (value) => value;
  context.fillStyle = colour;
  context.globalAlpha = opacity;
  for (const { from, to } of partsOf({ ...curve, mean: high }, scales, (count) => count > 1)) {
    context.beginPath();
    for (let i = from; i <= to; i++) context.lineTo(scales.x.at(x[i]), scales.y.at(high[i]));
    for (let i = to; i >= from; i--) context.lineTo(scales.x.at(x[i]), scales.y.at(floor(low[i])));
    context.fill();
  }
  context.globalAlpha = 1;
}

/**
 * Draw a vertical line at a place, and a dot on each curve.
 * @param {CanvasRenderingContext2D} context Cleared.
 * @param {{x: number, points: {x: number, y: number, colour: string}[], scales: Object, area: Object,
 *     colours: Object}} what
 */
export function drawCrosshair(context, { x, points, scales, area, colours }) {
  context.strokeStyle = colours["line-strong"];
  context.beginPath();
  line(context, crisp(scales.x.at(x)), area.top, crisp(scales.x.at(x)), area.bottom);
  context.stroke();
  clipped(context, withDots(area), () => {
    for (const { x: at, y, colour } of points)
      if (isDrawn(at, y, scales)) dot(context, scales.x.at(at), scales.y.at(y), 3.5, colour, colours.panel);
  });
}

function dot(context, x, y, radius, colour, ring = null) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  if (!ring) return;
  Object.assign(context, { strokeStyle: ring, lineWidth: 1.5 });
  context.stroke();
}

/** The objective against one key: a dot for each setting, and the means over the settings. */

import { drawAxes, line, shortened } from "../../shared/static/plot-axes.js";
import { keyAxis, placeOf } from "./key-axis.js";
import { briefly } from "./metric-ticks.js";

const MARGIN = { left: 54, right: 12, top: 8, bottom: 24 };
const SPREAD = { category: 0.5, number: 14 }; // of a category; pixels on an axis of numbers
const INSET = 8; // pixels between the ends of the plot and of an axis: half the spread
const TICK = 40; // pixels that a number below the plot needs
const OFF_TEXT = 56; // pixels that a text for a mean off the scale needs
const RADIUS = 3.5;
const SMALL = { from: 300, radius: 2 }; // of very many settings
const MEAN = 9; // pixels: half the width of a mean
const NEAR = 10; // pixels from a dot at which it is pointed at
const GOLDEN = 0.618; // multiples of it spread evenly, and neighbours far apart
const FEW = 12; // values that are told apart on an axis of numbers: dots of equal value are spread

/** The plot of a key: its area, and both axes. */
export function keyScales(key, table, { width, height }) {
  const area = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const [left, right] = [area.left + INSET, area.right - INSET];
  const x = keyAxis(key, table, [left, right], Math.max(2, Math.floor((right - left) / TICK)));
  const y = keyAxis("@objective", table, [area.bottom - RADIUS, area.top + RADIUS], 4);
  return { area, x: x.isCategory ? withRoom(x) : x, y };
}

/** An axis of categories whose texts are no wider than these. */
const withRoom = (axis) => ({
  ...axis,
  ticks: axis.ticks.map(({ place, text }) => ({ place, text: shortened(text, axis.band - 12) })),
});

/**
 * Where the settings are. Those of equal value are spread.
 * @param {Object[]} settings The best first.
 * @returns {{setting: Object, x: number, y: number}[]} Those without a result are missing.
 */
export function keyDots(settings, { x, y }) {
  const dots = settings
    .map((setting) => ({ setting, x: placeOf(setting, x), y: placeOf(setting, y) }))
    .filter((dot) => dot.x !== null && dot.y !== null);
  const groups = Map.groupBy(dots, (dot) => dot.x);
  if (!x.isCategory && groups.size > FEW) return dots;
  const room = x.isCategory ? Math.min(60, x.band * SPREAD.category) : SPREAD.number;
  for (const group of groups.values()) {
    if (group.length === 1) continue;
    group.forEach((dot, i) => (dot.x += room * (((i * GOLDEN) % 1) - 0.5)));
  }
  return dots;
}

/** Where the means are: bars from `left` to `right`, and whether one is off the scale. */
export const meanBars = (means, { x, y }) =>
  means.map((group) => {
    const [from, to] = [x.at(group.low), x.at(group.high)];
    const [left, right] = group.low === group.high ? [from - MEAN, from + MEAN] : [from, to];
    return { group, left, right, middle: (from + to) / 2, height: y.at(group.mean), isOff: y.isOff(group.mean) };
  });

/** Draw the axes, dots and means. Those of settings that do not pass the filter are faint. */
export function drawKey(context, { dots, bars, scales, passing, objective, page }) {
  const { area, x, y } = scales;
  drawAxes(context, area, { x: x.ticks, y: y.ticks }, page);
  const radius = dots.length > SMALL.from ? SMALL.radius : RADIUS;
  const [inside, outside] = [true, false].map((wanted) =>
    dots.filter(({ setting }) => passing.has(setting.id) === wanted),
  );
  drawDots(context, outside, { radius, colour: page.line, opacity: 1 });
  drawDots(context, inside, { radius, colour: page["line-b"], opacity: dots.length > SMALL.from ? 0.5 : 0.75 });
  drawMeans(context, bars, scales, { objective, page });
}

function drawDots(context, dots, { radius, colour, opacity }) {
  Object.assign(context, { fillStyle: colour, globalAlpha: opacity });
  for (const { x, y } of dots) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** The means as bars, joined by a line where the key is a number; one that is off the scale is written at its end. */
function drawMeans(context, bars, { x, area }, { objective, page }) {
  Object.assign(context, { strokeStyle: page.accent, fillStyle: page["accent-text"], lineCap: "round" });
  if (!x.isCategory) {
    context.lineWidth = 1.2;
    context.beginPath();
    for (const { middle, height } of bars) context.lineTo(middle, height);
    context.stroke();
  }
  context.lineWidth = 3;
  context.beginPath();
  for (const { left, right, height, isOff } of bars) if (!isOff) line(context, left, height, right, height);
  context.stroke();
  context.lineCap = "butt";
  drawOff(context, bars, area, objective);
}

/** Triangles for the means that are off the scale, with their values where there is room. */
function drawOff(context, bars, { left, right, top, bottom }, objective) {
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  const isRoomy = (right - left) / bars.length > OFF_TEXT;
  for (const { middle, height, group, isOff } of bars) {
    if (!isOff) continue;
    const isLow = height > (top + bottom) / 2;
    const [mark, at] = isLow ? ["▼", height - 13] : ["▲", height + 13];
    const text = isRoomy ? `${mark} ${briefly(objective, group.mean)}` : mark;
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(right + MARGIN.right - half, Math.max(left + half, middle)), at);
  }
}

/** The setting whose dot is nearest to a point; null if none is near. */
export function nearestDot(dots, [x, y]) {
  let [nearest, distance] = [null, NEAR];
  for (const dot of dots) {
    const away = Math.hypot(dot.x - x, dot.y - y);
    if (away < distance) [nearest, distance] = [dot.setting, away];
  }
  return nearest;
}

/** The group whose mean is at a point; null if none is. */
export const meanAt = (bars, [x, y]) =>
  bars.find(({ left, right, height }) => x >= left && x <= right && Math.abs(y - height) < NEAR / 2)?.group ?? null;

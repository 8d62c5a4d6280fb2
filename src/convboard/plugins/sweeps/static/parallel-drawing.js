/** Parallel coordinates: an axis for each key and for the objective, and a line for each setting. */

import { FONT, crisp, line, shortened } from "../../shared/static/plot-axes.js";
import { keyAxis, placeOf } from "./key-axis.js";

export const MARGIN = { right: 70, top: 40, bottom: 16 };
const LINE = 15; // pixels of a line of text
const LEFT = { least: 50, most: 140, letter: 6.6 }; // pixels beside the first axis, and of a letter, about
const BESIDE = 14; // pixels between an axis and its texts, and beside these
export const BRUSH = 18; // pixels of the width of a brush
const NEAR = 12; // pixels from a line at which it is pointed at
const SPREAD = 0.6; // share of a category in which lines of equal value are spread

/**
 * The axes, from left to right, each with its place.
 * @returns {(import("./key-axis.js").KeyAxis & {x: number, room: number})[]} `room` is that of the texts beside it.
 */
export function parallelAxes(table, columns, { width, height }) {
  const places = [height - MARGIN.bottom, MARGIN.top];
  const axes = columns.map((column) => keyAxis(column, table, places));
  const longest = Math.max(...axes[0].ticks.map(({ text }) => text.length));
  const left = Math.min(LEFT.most, Math.max(LEFT.least, BESIDE + LEFT.letter * (longest + 1)));
  const step = (width - left - MARGIN.right) / Math.max(1, columns.length - 1);
  const roomOf = (i) => (i === 0 ? left : i === axes.length - 1 ? MARGIN.right : step);
  return axes.map((axis, i) => Object.assign(axis, { x: Math.round(left + step * i), room: roomOf(i) - BESIDE }));
}

/**
 * The lines of settings: a height on each axis, null where a setting has no value. Those of equal value on an axis of
 * categories are spread, the better ones above.
 * @param {Object[]} settings The best first.
 * @param {import("./key-axis.js").KeyAxis[]} axes
 * @returns {{setting: Object, heights: (?number)[]}[]}
 */
export function parallelLines(settings, axes) {
  const lines = settings.map((setting) => ({ setting, heights: axes.map((axis) => placeOf(setting, axis)) }));
  axes.forEach((axis, i) => {
    if (!axis.isCategory) return;
    const groups = Map.groupBy(lines, ({ heights }) => heights[i]);
    for (const [height, group] of groups) {
      if (height === null) continue;
      const step = (axis.band * SPREAD) / Math.max(1, group.length - 1);
      group.forEach((each, place) => {
        each.heights[i] = height + (group.length > 1 ? place * step - (axis.band * SPREAD) / 2 : 0);
      });
    }
  });
  return lines;
}

/** The line that is nearest to a point, by its height there; null if none is near. */
export function nearestLine(lines, axes, [x, y]) {
  const right = axes.findIndex((axis) => axis.x >= x);
  if (right < 0 || (right === 0 && x < axes[0].x - NEAR)) return null;
  const i = Math.max(1, right);
  const place = (x - axes[i - 1].x) / (axes[i].x - axes[i - 1].x);
  let [nearest, distance] = [null, NEAR];
  for (const each of lines) {
    const [a, b] = [each.heights[i - 1], each.heights[i]];
    if (a === null || b === null) continue;
    const away = Math.abs(a + place * (b - a) - y);
    if (away < distance) [nearest, distance] = [each.setting, away];
  }
  return nearest;
}

/** Add the line of a setting to the present path. */
export function trace(context, axes, heights) {
  let isDown = false;
  heights.forEach((height, i) => {
    if (height === null) isDown = false;
    else if (isDown) context.lineTo(axes[i].x, height);
    else {
      context.moveTo(axes[i].x, height);
      isDown = true;
    }
  });
}

/** Draw an axis with its ticks, and its name above. */
export function drawAxis(context, axis, name, page, { width, height }) {
  context.font = FONT;
  Object.assign(context, { strokeStyle: page["line-strong"], lineWidth: 1 });
  context.beginPath();
  line(context, crisp(axis.x), MARGIN.top, crisp(axis.x), height - MARGIN.bottom);
  for (const { place } of axis.ticks) line(context, axis.x - 3, crisp(place), axis.x + 4, crisp(place));
  context.stroke();
  const isLast = axis.x > width - MARGIN.right - 2;
  Object.assign(context, { textAlign: isLast ? "left" : "right", textBaseline: "middle" });
  const every = axis.isCategory ? Math.ceil(LINE / axis.band) : 1; // of very many categories
  axis.ticks.forEach(({ place, text }, i) => {
    if (i % every) return;
    written(context, shortened(text, axis.room), axis.x + (isLast ? 8 : -8), place, page, page.quiet);
  });
  context.font = `500 ${FONT}`;
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  const title = shortened(name, Math.max(MARGIN.right * 2, axis.room));
  const half = context.measureText(title).width / 2;
  const x = Math.min(width - half, Math.max(axis.x, half + 4));
  written(context, title, x, MARGIN.top - 20, page, page.text);
}

/** A text that can be read on lines. */
function written(context, text, x, y, page, colour) {
  const { width } = context.measureText(text);
  const left = { left: x, right: x - width, center: x - width / 2 }[context.textAlign];
  Object.assign(context, { fillStyle: page.panel, globalAlpha: 0.8 });
  context.fillRect(left - 2, y - 8, width + 4, 16);
  Object.assign(context, { fillStyle: colour, globalAlpha: 1 });
  context.fillText(text, x, y);
}

/** Draw what is chosen on an axis. */
export function drawBrush(context, axis, rule, page) {
  for (const place of axis.placesOf(rule)) {
    const [top, bottom] = place.toSorted((a, b) => a - b);
    Object.assign(context, { fillStyle: page.accent, strokeStyle: page.accent, lineWidth: 1.5 });
    context.globalAlpha = 0.28;
    context.fillRect(axis.x - BRUSH / 2, top, BRUSH, bottom - top);
    context.globalAlpha = 1;
    context.strokeRect(axis.x - BRUSH / 2, top, BRUSH, bottom - top);
  }
}

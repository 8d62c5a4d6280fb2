/** Small line charts over the epochs. */

import { el, svg } from "./dom.js";
import { value } from "./format.js";

const SIZE = { width: 250, height: 124 };
const MARGIN = { left: 46, right: 8, top: 8, bottom: 26 };
const ZERO = 14; // pixels below a logarithmic scale, for the values that are zero
const LEVEL = 0.01; // a range below this fraction of its values is drawn as a level line

/**
 * @param {{title: string, lines: {name: string, points: [number, number][], band?: [number, number, number][]}[],
 *     now: number, isLog?: boolean, format?: (value: number) => string, atLeast?: [number, number],
 *     choose?: (epoch: number) => void}} chart `points` are (epoch, value); a `band` (epoch, low, high) is drawn
 *     below its line; `now` is the epoch that is marked and whose values are written; a click chooses another one.
 */
export function lineChart({ title, lines, now, isLog = false, format = value, atLeast, choose }) {
  const all = lines.flatMap(({ points, band }) => [
    ...points,
    ...(band ?? []).flatMap(([x, low, high]) => [
      [x, low],
      [x, high],
    ]),
  ]);
  const usable = all.filter(([, y]) => Number.isFinite(y) && (!isLog || y > 0));
  if (!usable.length) {
    const isZero = all.length > 0 && all.every(([, y]) => y === 0);
    const nothing = isZero ? "0 at every epoch." : all.length ? "No finite value." : "Not recorded in this run so far.";
    return el("figure", { class: "chart" }, el("figcaption", {}, title), el("p", { class: "quiet" }, nothing));
  }
  const hasZero = isLog && all.some(([, y]) => y === 0);
  const scales = scalesOf(usable, isLog, atLeast, hasZero);
  const picture = svg("svg", {
    ...SIZE,
    viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
    role: "img",
    "aria-label": `${title} over the epochs`,
  });
  picture.append(...axes(scales, format), marker(scales, now), ...lines.flatMap((line, i) => series(line, i, scales)));
  const shown = lines.map(({ points }) => pointBy(points, now));
  picture.append(...shown.map((point, i) => dot(scales, point, i)));
  if (choose) picture.addEventListener("click", ({ clientX }) => choose(scales.epochAt(placeIn(picture, clientX))));
  const said = lines.map(({ name }, i) =>
    el("span", { class: `key line-${i}` }, lines.length > 1 ? `${name} ` : "", shown[i] ? format(shown[i][1]) : "–"),
  );
  return el(
    "figure",
    { class: choose ? "chart chosen-by-click" : "chart" },
    el("figcaption", {}, el("span", {}, title), el("span", { class: "latest" }, said)),
    picture,
  );
}

function placeIn(picture, clientX) {
  const { left, width } = picture.getBoundingClientRect();
  return ((clientX - left) * SIZE.width) / width;
}

const ABOUT = 1e-6; // epochs are quotients of steps

/** The point at an epoch, or the last one before it; undefined where there is none so early. */
export const pointBy = (points, epoch) => points.findLast(([x]) => x <= epoch + ABOUT);

/** Whether a value has a place; zero has one of its own below a logarithmic scale. */
const isDrawn = (number, isLog) => Number.isFinite(number) && (!isLog || number >= 0);

/** The point whose value is written; nothing where it cannot be drawn. */
function dot({ x, y, isLog }, point, index) {
  if (!point || !isDrawn(point[1], isLog)) return "";
  return svg("circle", { class: `point line-${index}`, cx: x(point[0]), cy: y(point[1]), r: 4 });
}

function scalesOf(points, isLog, atLeast, hasZero) {
  const xs = points.map(([x]) => x);
  const ys = [...points.map(([, y]) => y), ...(atLeast ?? [])];
  let [low, high] = [Math.min(...ys), Math.max(...ys)];
  if (high - low <= LEVEL * Math.abs(high))
    [low, high] = isLog
      ? [low / 10, high * 10]
      : [low - Math.max(0.5, Math.abs(low) / 2), high + Math.max(0.5, Math.abs(high) / 2)];
  const transform = isLog ? Math.log10 : (y) => y;
  const [bottom, top] = [transform(low), transform(high)];
  const [start, end] = [Math.min(...xs), Math.max(...xs)];
  const ground = SIZE.height - MARGIN.bottom;
  const floor = hasZero ? ground - ZERO : ground;
  return {
    low,
    high,
    start,
    end,
    isLog,
    hasZero,
    epochAt: (at) => start + ((end - start) * (at - MARGIN.left)) / (SIZE.width - MARGIN.left - MARGIN.right),
    x: (epoch) => MARGIN.left + ((SIZE.width - MARGIN.left - MARGIN.right) * (epoch - start)) / (end - start || 1),
    y: (number) =>
      isLog && number === 0 ? ground : floor - ((floor - MARGIN.top) * (transform(number) - bottom)) / (top - bottom),
  };
}

function axes({ low, high, start, end, isLog, hasZero, y }, format) {
  const middle = isLog ? Math.sqrt(low * high) : (low + high) / 2;
  const lines = [...(hasZero ? [0] : []), low, middle, high].flatMap((number) => [
    svg("line", { class: "grid-line", x1: MARGIN.left, x2: SIZE.width - MARGIN.right, y1: y(number), y2: y(number) }),
    svg("text", { class: "tick", x: MARGIN.left - 5, y: y(number) + 3.5, "text-anchor": "end" }, format(number)),
  ]);
  const below = SIZE.height - 5;
  return [
    ...lines,
    svg("text", { class: "tick", x: MARGIN.left, y: below }, `epoch ${Math.round(start)}`),
    end > start
      ? svg(
          "text",
          { class: "tick", x: SIZE.width - MARGIN.right, y: below, "text-anchor": "end" },
          String(Math.round(end)),
        )
      : "",
  ];
}

/** A vertical line at an epoch; none where the curves do not reach it. */
function marker({ x, start, end }, now) {
  if (now < start - ABOUT || now > end + ABOUT) return "";
  const at = x(now);
  return svg("line", { class: "now", x1: at, x2: at, y1: MARGIN.top, y2: SIZE.height - MARGIN.bottom });
}

function series({ points, band }, index, { x, y, isLog }) {
  const isUsable = ([, number]) => isDrawn(number, isLog);
  const parts = [];
  const inBand = (band ?? []).filter(([, low, high]) => Number.isFinite(low) && Number.isFinite(high));
  if (inBand.length > 1) {
    const outline = [
      ...inBand.map(([e, , high]) => [x(e), y(high)]),
      ...inBand.toReversed().map(([e, low]) => [x(e), y(low)]),
    ];
    parts.push(svg("polygon", { class: `band line-${index}`, points: outline.map((p) => p.join()).join(" ") }));
  }
  const usable = points.filter(isUsable).map(([e, number]) => [x(e), y(number)]);
  parts.push(svg("polyline", { class: `line line-${index}`, points: usable.map((p) => p.join()).join(" ") }));
  if (usable.length < 24)
    parts.push(...usable.map(([cx, cy]) => svg("circle", { class: `point line-${index}`, cx, cy, r: 2 })));
  return parts;
}

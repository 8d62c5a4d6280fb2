/** The output of a linear layer: scores with their probabilities, or a bar for each unit. */

import { el } from "../../shared/static/dom.js";
import { share, value } from "../../shared/static/format.js";
import { softmax } from "./units.js";

/**
 * The last layer's scores.
 * @param {number[]} scores
 * @param {string[]} names Of the classes.
 * @param {string} truth The image's own class.
 * @param {boolean} isNarrow Whether two tables share the width.
 */
export function scoresView(scores, names, truth, isNarrow) {
  const chances = softmax(scores);
  const best = chances.indexOf(Math.max(...chances));
  const rows = scores.map((score, i) =>
    el(
      "tr",
      { "data-unit": i, class: [i === best ? "best" : "", names[i] === truth ? "truth" : ""].join(" ") },
      el("th", { scope: "row" }, names[i] ?? String(i)),
      el("td", { class: "number" }, value(score)),
      el(
        "td",
        { class: "bar" },
        el("div", { class: "whole" }, el("div", { style: { width: `${100 * chances[i]}%` } })),
      ),
      el("td", { class: "number" }, share(chances[i])),
      el(
        "td",
        { class: "quiet" },
        [
          i === best ? (isNarrow ? "best" : "most likely") : null,
          names[i] === truth ? (isNarrow ? "true" : "the image's class") : null,
        ]
          .filter(Boolean)
          .join(", "),
      ),
    ),
  );
  const heads = ["class", "score", isNarrow ? "probability" : "probability (softmax of the scores)", ""];
  return el(
    "table",
    { class: isNarrow ? "scores narrow" : "scores" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((head, i) =>
          el("th", { scope: "col", class: i === 1 ? "number" : "", colspan: i === 2 ? 2 : null }, head),
        ),
      ),
    ),
    el("tbody", {}, rows),
  );
}

const GUTTER = 50; // pixels of the numbers beside a line of bars
const PITCH = { smallest: 7, largest: 16 }; // pixels from one bar to the next
const NUMBERED = 10; // units from one number below the bars to the next

/**
 * A bar up or down for each unit of a vector, lines of them where there are many; each line with its scale.
 * @param {import("./values.js").Maps} maps
 * @param {number} width Pixels that there are.
 * @param {{largest: number, isSigned: boolean, dead: number[]}} how `largest`: the magnitude of a full bar; `isSigned`:
 *     whether anything is below zero, else the zero line is at the bottom.
 */
export function barsView(maps, width, how) {
  const numbers = maps.data.subarray(maps.offset, maps.offset + maps.channels);
  const room = width - GUTTER;
  const perLine = Math.min(numbers.length, Math.max(NUMBERED, Math.floor(room / PITCH.smallest / NUMBERED) * NUMBERED));
  const pitch = Math.max(PITCH.smallest, Math.min(PITCH.largest, Math.floor(room / perLine)));
  const lines = [];
  for (let start = 0; start < numbers.length; start += perLine)
    lines.push(barLine(numbers.subarray(start, start + perLine), start, pitch, how));
  return el("div", { class: how.isSigned ? "bars signed" : "bars", style: { "--pitch": `${pitch}px` } }, lines);
}

/** Let the units of bars or scores be pointed at and pinned. */
export function pointable(node, point, pin) {
  const unitAt = (event) => {
    const bar = event.target.closest?.("[data-unit]");
    return bar ? { channel: Number(bar.dataset.unit), row: 0, column: 0 } : null;
  };
  node.addEventListener("pointermove", (event) => point(unitAt(event)));
  node.addEventListener("pointerleave", () => point(null));
  node.addEventListener("click", (event) => unitAt(event) && pin(unitAt(event)));
  return node;
}

function barLine(numbers, start, pitch, { largest, isSigned, dead }) {
  const part = [...numbers];
  const ticks = !largest ? ["0"] : isSigned ? [value(largest), "0", value(-largest)] : [value(largest), "0"];
  const ends = part.map((_, i) => start + i).filter((unit) => unit % NUMBERED === 0);
  return el(
    "div",
    { class: "line" },
    el(
      "div",
      { class: "axis", "aria-hidden": "true" },
      ticks.map((tick) => el("span", {}, tick)),
    ),
    el(
      "div",
      { class: "columns" },
      part.map((number, i) => column(number, start + i, largest, isSigned, dead.includes(start + i))),
    ),
    el(
      "div",
      { class: "numbers", "aria-hidden": "true" },
      ends.map((unit) => el("span", { style: { left: `${(unit - start) * pitch}px` } }, String(unit))),
    ),
  );
}

function column(number, unit, largest, isSigned, isDead) {
  const length = Math.min(1, Math.abs(number) / (largest || 1)) * (isSigned ? 50 : 100);
  return el(
    "div",
    {
      class: isDead ? "column dead" : "column",
      "data-unit": unit,
      title: `unit ${unit}: ${value(number)}${isDead ? ", dead" : ""}`,
    },
    el("div", { class: number < 0 ? "below" : "above", style: { height: `${length}%` } }),
  );
}

/** What a linear layer gives: scores with their probabilities, or a bar for each unit. */

import { el } from "./dom.js";
import { share, value } from "./format.js";
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
      el("td", { class: "bar" }, el("div", { style: { width: `${100 * chances[i]}%` } })),
      el("td", { class: "number" }, share(chances[i])),
      el("td", { class: "quiet" }, [i === best ? (isNarrow ? "best" : "most likely") : null, names[i] === truth ? (isNarrow ? "true" : "the image's class") : null].filter(Boolean).join(", ")),
    ),
  );
  const heads = ["class", "score", isNarrow ? "probability" : "probability (softmax of the scores)", "", ""];
  return el(
    "table",
    { class: isNarrow ? "scores narrow" : "scores" },
    el("thead", {}, el("tr", {}, heads.map((head, i) => el("th", { scope: "col", class: i === 1 ? "number" : "" }, head)))),
    el("tbody", {}, rows),
  );
}

/**
 * A bar up or down for each unit of a vector, lines of them where there are many.
 * @param {import("./values.js").Maps} maps
 * @param {number} width Pixels that there are.
 * @param {number} largest The magnitude of a full bar.
 * @param {number[]} dead
 */
export function barsView(maps, width, largest, dead) {
  const numbers = maps.data.subarray(maps.offset, maps.offset + maps.channels);
  const pitch = numbers.length <= 64 ? Math.max(7, Math.min(16, Math.floor(width / numbers.length))) : 7;
  const perLine = Math.max(10, Math.floor(Math.floor((width - 34) / pitch) / 10) * 10);
  const lines = [];
  for (let start = 0; start < numbers.length; start += perLine) lines.push(barLine(numbers, start, perLine, pitch, largest, dead));
  return el("div", { class: "bars" }, lines);
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

function barLine(numbers, start, perLine, pitch, largest, dead) {
  const part = [...numbers.subarray(start, start + perLine)];
  return el(
    "div",
    { class: "line" },
    el("span", { class: "quiet number" }, String(start)),
    el("div", { class: "columns" }, part.map((number, i) => {
      const length = Math.min(1, Math.abs(number) / (largest || 1)) * 50;
      const isDead = dead.includes(start + i);
      return el(
        "div",
        { class: isDead ? "column dead" : "column", "data-unit": start + i, title: `unit ${start + i}: ${value(number)}${isDead ? ", dead" : ""}`, style: { width: `${pitch}px` } },
        el("div", { class: number < 0 ? "below" : "above", style: { height: `${length}%` } }),
      );
    })),
  );
}

/** A heat map: the mean objective for each pair of values of two chosen keys, as a table. */

import { el } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";
import { css, risingColour, textOn } from "../../shared/static/palette.js";
import { shortened } from "../../shared/static/plot-axes.js";
import { goodness } from "./goodness.js";
import { byImportance, distinctValues, heatCells } from "./key-statistics.js";
import { twoDigits } from "./metric-ticks.js";
import { selectList } from "./select-list.js";
import { configValue, isAccuracy, metric, shortKeys } from "./words.js";

const LETTER = 6.4; // pixels, about
const HEAD = { most: 104, beside: 10 }; // pixels of the names of rows and columns, and beside them
const NUMBERS = { whole: 42, short: 28 }; // pixels of a cell that a number needs, with all its digits and with few

/**
 * The two keys that are shown, across and down: those that are chosen and there, else the most important ones, of which
 * the one with fewer values is across.
 */
export function shownKeys({ table, importance, keyX, keyY }) {
  const isThere = (key) => table.keys.includes(key);
  const order = byImportance({ table, importance });
  if (isThere(keyX) && isThere(keyY) && keyX !== keyY) return [keyX, keyY];
  if (isThere(keyX)) return [keyX, order.find((key) => key !== keyX)];
  if (isThere(keyY)) return [order.find((key) => key !== keyY), keyY];
  const first = order.slice(0, 2);
  const count = (key) => distinctValues(table.settings, key).length;
  return first.toSorted((a, b) => count(a) - count(b));
}

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function heatMap(store) {
  const across = selectList("Key across", (key) => choose("keyX", key));
  const down = selectList("Key down", (key) => choose("keyY", key));
  const body = el("div", { class: "heat-body" });
  const about = el("p", { class: "quiet" });
  const title = el("h3", {}, "Two keys");
  const node = el(
    "section",
    { class: "heat-map", "aria-label": "Two keys together" },
    el("header", {}, title, el("span", { class: "pair" }, down.node, " by ", across.node)),
    body,
    about,
  );

  /** The other key makes room if it is the chosen one. */
  function choose(name, key) {
    const [x, y] = shownKeys(store.get());
    if (name === "keyX") store.set({ keyX: key, keyY: key === y ? x : y });
    else store.set({ keyY: key, keyX: key === x ? y : x });
  }

  function draw(state) {
    const { table, theme } = state;
    node.hidden = table.keys.length < 2;
    if (node.hidden) return;
    const keys = shownKeys(state);
    const short = shortKeys(table.keys);
    const options = table.keys.map((key, i) => [key, short[i]]);
    across.update(options, keys[0]);
    down.update(options, keys[1]);
    const unit = isAccuracy(table.objective) ? " in %" : "";
    about.textContent = `Mean ${table.objective}${unit}, in stronger colours where it is better.`;
    body.replaceChildren(heatTable(table, keys, { theme, width: body.clientWidth }));
  }
  return { node, draw };
}

function heatTable(table, [keyX, keyY], { theme, width }) {
  const { columns, rows, cells } = heatCells(table, keyX, keyY);
  const [across, down] = [columns, rows].map((bins) => bins.map(binText));
  const head = Math.min(HEAD.most, HEAD.beside + LETTER * longest(down));
  const room = (width - head) / columns.length;
  const how = { objective: table.objective, good: goodness(table), theme, room };
  const isUpright = LETTER * longest(across) > room;
  const names = across.map((text) =>
    el("th", { scope: "col", title: text }, el("span", {}, shortened(text, HEAD.most))),
  );
  const lines = down.map((text, i) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", title: text }, text),
      cells[i].map((cell) => heatCell(cell, how)),
    ),
  );
  return el(
    "table",
    { class: isUpright ? "upright" : null },
    el("thead", {}, el("tr", {}, el("td", { style: { width: `${head}px` } }), names)),
    el("tbody", {}, lines.toReversed()),
  );
}

const longest = (texts) => Math.max(...texts.map(({ length }) => length));

const binText = ({ low, high }) => (low === high ? configValue(low) : `${twoDigits(low)}–${twoDigits(high)}`);

function heatCell({ mean, n }, { objective, good, theme, room }) {
  if (mean === null) return el("td", { class: "empty", title: "no result" }, "");
  const colour = risingColour(theme, good(mean));
  const text = metric(objective, mean);
  return el(
    "td",
    { title: `${text}, mean of ${plural(n, "setting")}`, style: { background: css(colour), color: textOn(colour) } },
    room >= NUMBERS.whole ? text.replace(" %", "") : room >= NUMBERS.short ? shortly(objective, mean) : "",
  );
}

const shortly = (objective, mean) =>
  isAccuracy(objective) ? (100 * mean).toFixed(1) : String(Number(mean.toPrecision(3)));

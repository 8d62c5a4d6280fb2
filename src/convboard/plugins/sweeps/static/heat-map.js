/** A heat map: the mean objective for each pair of values of two chosen keys, as a table. */

import { el } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";
import { css, risingColour, textOn } from "../../shared/static/palette.js";
import { goodness } from "./goodness.js";
import { byImportance, distinctValues, heatCells } from "./key-statistics.js";
import { twoDigits } from "./metric-ticks.js";
import { selectList } from "./select-list.js";
import { configValue, isAccuracy, metric, shortKeys } from "./words.js";

const DENSE = 4; // columns above which the numbers are shorter

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
  const title = el("h3", {}, "Two keys together");
  const node = el(
    "section",
    { class: "heat-map", "aria-label": "Two keys together" },
    el("header", {}, title, el("span", { class: "pair" }, down.node, " by ", across.node)),
    body,
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
    body.replaceChildren(heatTable(table, keys, theme));
  }
  return { node, draw };
}

function heatTable(table, [keyX, keyY], theme) {
  const { columns, rows, cells } = heatCells(table, keyX, keyY);
  const good = goodness(table);
  const head = el(
    "tr",
    {},
    el("td", {}),
    columns.map((bin) => el("th", { scope: "col", title: binText(bin) }, binText(bin))),
  );
  const lines = rows.map((row, i) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", title: binText(row) }, binText(row)),
      cells[i].map((cell) =>
        heatCell(cell, { objective: table.objective, good, theme, isDense: columns.length > DENSE }),
      ),
    ),
  );
  return el("table", {}, el("thead", {}, head), el("tbody", {}, lines.toReversed()));
}

const binText = ({ low, high }) => (low === high ? configValue(low) : `${twoDigits(low)}–${twoDigits(high)}`);

function heatCell({ mean, n }, { objective, good, theme, isDense }) {
  if (mean === null) return el("td", { class: "empty", title: "no result" }, "");
  const colour = risingColour(theme, good(mean));
  const text = metric(objective, mean);
  return el(
    "td",
    { title: `${text}, mean of ${plural(n, "setting")}`, style: { background: css(colour), color: textOn(colour) } },
    isDense ? shortly(objective, mean) : text.replace(" %", ""),
  );
}

const shortly = (objective, mean) =>
  isAccuracy(objective) ? (100 * mean).toFixed(1) : String(Number(mean.toPrecision(3)));

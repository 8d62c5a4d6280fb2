/** The head of the table: a click on a title sorts, one on the funnel filters. */

import { el, svg } from "../../shared/static/dom.js";
import { metric } from "./words.js";

/**
 * @param {import("./columns.js").Column[]} columns
 * @param {Object} state Of the tab.
 * @param {{sortBy: Function, openFilter: Function}} actions
 */
export function headCells(columns, state, actions) {
  return [
    el("div", { class: "cell first", role: "columnheader" }, el("span", { class: "quiet", title: RANK }, "rank")),
    ...columns.map((column) => headCell(column, state, actions)),
  ];
}

const RANK =
  "Settings of which as many seeds have finished as of any other come first, the best mean at the top.\n" +
  "Those of which fewer have finished follow: their means are less certain.";
const ARROWS = { ascending: "↑", descending: "↓", none: "" };

function headCell(column, state, actions) {
  const { id, isNumber, canFilter } = column;
  const { sort } = state;
  const direction = sort?.column !== id ? "none" : sort.isDescending ? "descending" : "ascending";
  return el(
    "div",
    { class: isNumber ? "cell number" : "cell", role: "columnheader", "aria-sort": direction, "data-column": id },
    id === "@objective" ? scaleWords(state) : null,
    sorter(column, ARROWS[direction], actions),
    canFilter ? funnel(column, state, actions) : null,
  );
}

function sorter({ id, title, hint }, arrow, { sortBy }) {
  const attributes = { type: "button", class: "sorter", title: `${hint}\nSort`, "data-focus": `sort ${id}` };
  return el(
    "button",
    { ...attributes, onclick: () => sortBy(id) },
    el("span", { class: "title" }, title),
    el("span", { class: "arrow", "aria-hidden": "true" }, arrow),
  );
}

function funnel({ id, title }, { filter }, { openFilter }) {
  const attributes = { type: "button", class: "funnel", title: "Filter", "data-focus": `filter ${id}` };
  const said = { "aria-label": `Filter by ${title}`, "aria-pressed": id in filter };
  return el(
    "button",
    { ...attributes, ...said, onclick: ({ currentTarget }) => openFilter(id, currentTarget) },
    svg("svg", { width: 11, height: 11, viewBox: "0 0 12 12" }, svg("path", { d: "M1 1.5h10L7.2 6v4.5l-2.4-1.3V6z" })),
  );
}

/** The ends of the strips. */
function scaleWords({ table, scale }) {
  if (!scale) return el("span", { class: "ends" });
  const [low, high] = [scale.low, scale.high].map((end) => metric(table.objective, end).replace(/(\.\d)\d %/, "$1 %"));
  return el("span", { class: "ends quiet", "aria-hidden": "true" }, el("span", {}, low), el("span", {}, high));
}

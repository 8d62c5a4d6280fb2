/** The head of the table: a click on a title sorts, one on the funnel filters. */

import { el, svg } from "../../shared/static/dom.js";
import { openFilterMenu } from "./filter-menu.js";
import { metric } from "./words.js";

/**
 * @param {import("./columns.js").Column[]} columns
 * @param {Object} state Of the tab.
 * @param {Object} actions See `actions.js`.
 */
export function headCells(columns, state, actions) {
  return [
    el("div", { class: "cell first", role: "columnheader" }, el("span", { class: "quiet", title: "Rank" }, "rank")),
    ...columns.map((column) => headCell(column, state, actions)),
  ];
}

function headCell(column, state, actions) {
  const { id, title, hint, isNumber, canFilter } = column;
  const { sort, filter } = state;
  const isSorted = sort?.column === id;
  const direction = isSorted ? (sort.isDescending ? "descending" : "ascending") : "none";
  const arrow = { ascending: "↑", descending: "↓", none: "" }[direction];
  const sorter = el(
    "button",
    { type: "button", class: "sorter", title: `${hint}\nSort`, onclick: () => actions.sortBy(id) },
    el("span", { class: "title" }, title),
    el("span", { class: "arrow" }, arrow),
  );
  const funnel = el(
    "button",
    {
      type: "button",
      class: "funnel",
      "aria-label": `Filter by ${title}`,
      title: "Filter",
      "aria-pressed": id in filter,
      onclick: ({ currentTarget }) => openFilterMenu(currentTarget, column, state, actions),
    },
    svg("svg", { width: 11, height: 11, viewBox: "0 0 12 12" }, svg("path", { d: "M1 1.5h10L7.2 6v4.5l-2.4-1.3V6z" })),
  );
  return el(
    "div",
    { class: isNumber ? "cell number" : "cell", role: "columnheader", "aria-sort": direction, "data-column": id },
    id === "@objective" ? scaleWords(state) : null,
    sorter,
    canFilter ? funnel : null,
  );
}

/** The ends of the strips. */
function scaleWords({ table, scale }) {
  if (!scale) return el("span", { class: "ends" });
  const [low, high] = [scale.low, scale.high].map((end) => metric(table.objective, end).replace(/(\.\d)\d %/, "$1 %"));
  return el("span", { class: "ends quiet", "aria-hidden": "true" }, el("span", {}, low), el("span", {}, high));
}

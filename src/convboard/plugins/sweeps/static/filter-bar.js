/** The filters as chips above all views, and how many settings pass them. */

import { el, redraw } from "../../shared/static/dom.js";
import { columnTitle } from "./columns.js";
import { rangeEnd } from "./words.js";

const LONGEST = 40; // characters of a list of values

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function filterBar(store, { setFilter, clearFilters, clearPicked }) {
  const node = el("div", { class: "filters", role: "group", "aria-label": "Filters", hidden: true });
  const chip = (column, rule, table) =>
    el(
      "button",
      {
        type: "button",
        class: "chip",
        title: "Remove this filter",
        "data-focus": column,
        onclick: () => setFilter(column, null),
      },
      `${columnTitle(column, table)} ${ruleText(column, rule, table)}`,
      el("span", { class: "cross", "aria-hidden": "true" }, "×"),
    );
  store.subscribe(["table", "filter", "matching", "picked"], ({ table, filter, matching, picked }) => {
    const rules = Object.entries(filter);
    const count = table?.settings.filter(({ id }) => picked.includes(id)).length;
    node.hidden = !table || (!rules.length && !count);
    if (node.hidden) return;
    const shown = el("span", { class: "quiet" }, `${matching.length} of ${table.settings.length} settings`);
    redraw(node, [
      ...rules.map(([column, rule]) => chip(column, rule, table)),
      ...(rules.length ? [shown, plain("clear filters", clearFilters)] : []),
      ...(count
        ? [el("span", { class: "quiet picked-count" }, `${count} picked`), plain("unpick all", clearPicked)]
        : []),
    ]);
  });
  return node;
}

const plain = (text, onclick) => el("button", { type: "button", class: "plain", onclick }, text);

function ruleText(column, { low = null, high = null, values }, table) {
  if (values) {
    const listed = values.join(", ");
    return listed.length > LONGEST ? `in ${values.length} values` : `= ${listed}`;
  }
  const [from, to] = [low, high].map((number) => (number === null ? "" : rangeEnd(column, table, number)));
  if (low === null) return `≤ ${to}`;
  return high === null ? `≥ ${from}` : `${from} … ${to}`;
}

/** The bar above all views: the filters as chips, how many settings pass them, and how many are picked. */

import { el, redraw } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";
import { columnTitle } from "./columns.js";
import { AT_FIRST } from "./selection.js";
import { rangeEnd } from "./words.js";

const LONGEST = 40; // characters of a list of values

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function filterBar(store, { setFilter, clearFilters, clearPicked }) {
  const node = el("div", {
    class: "filters",
    role: "group",
    "aria-label": "Filters and picked settings",
    hidden: true,
  });
  const chip = (column, rule, table) => {
    const attributes = { type: "button", class: "chip", title: "Remove this filter", "data-focus": column };
    const cross = el("span", { class: "cross", "aria-hidden": "true" }, "×");
    const text = `${columnTitle(column, table)} ${ruleText(column, rule, table)}`;
    return el("button", { ...attributes, onclick: () => setFilter(column, null) }, text, cross);
  };
  store.subscribe(["table", "filter", "matching", "picked"], ({ table, filter, matching, picked }) => {
    node.hidden = !table; // and always there beside a table, so that no filter and no pick moves the rows
    if (!table) return;
    const rules = Object.entries(filter);
    const { length } = table.settings;
    const count = table.settings.filter(({ id }) => picked.includes(id)).length;
    const passing = rules.length ? `${matching.length} of ${plural(length, "setting")}` : plural(length, "setting");
    const shown = Math.min(AT_FIRST, matching.length);
    const chosen = count ? `${count} picked` : `none picked: Curves and Inside show the best ${shown}`;
    redraw(node, [
      ...rules.map(([column, rule]) => chip(column, rule, table)),
      quiet(passing),
      ...(rules.length ? [plain("clear filters", clearFilters)] : []),
      el("span", { class: "quiet picked-count" }, chosen),
      ...(count ? [plain("unpick all", clearPicked)] : []),
    ]);
  });
  return node;
}

const quiet = (text) => el("span", { class: "quiet" }, text);
const plain = (text, onclick) => el("button", { type: "button", class: "plain", "data-focus": text, onclick }, text);

function ruleText(column, { low = null, high = null, values }, table) {
  if (values) {
    const listed = values.join(", ");
    return listed && listed.length <= LONGEST ? `= ${listed}` : `in ${values.length} values`;
  }
  const [from, to] = [low, high].map((number) => (number === null ? "" : rangeEnd(column, table, number)));
  if (low === null) return `≤ ${to}`;
  return high === null ? `≥ ${from}` : `${from} … ${to}`;
}

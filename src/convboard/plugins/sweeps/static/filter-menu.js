/** The menu that filters by a column: a range of numbers, a list of values. */

import { el } from "../../shared/static/dom.js";
import { columnValue, STATE, valueText } from "./filter.js";
import { configValue, STATES } from "./words.js";

const MOST_VALUES = 30; // that are listed
const PERCENT = 100;

/**
 * Open the menu below a button.
 * @param {HTMLElement} anchor
 * @param {import("./columns.js").Column} column
 * @param {Object} state Of the tab.
 * @param {Object} actions See `actions.js`.
 */
export function openFilterMenu(anchor, column, state, actions) {
  const { id, title, isNumber } = column;
  const rule = state.filter[id];
  const set = (next) => actions.setFilter(id, next);
  const values = valuesOf(column, state.table);
  const isRange = isNumber && values.length > 1;
  const isList = !id.startsWith("@") || id === STATE ? values.length <= MOST_VALUES : false;
  const menu = el(
    "div",
    { class: "menu", popover: "auto", role: "dialog", "aria-label": `Filter by ${title}` },
    el("h3", {}, title),
    isRange ? rangeFields(column, rule, { ...state.table, values }, set) : null,
    isList ? valueBoxes(values, rule, set) : null,
    el("button", { type: "button", class: "action", onclick: () => (set(null), menu.hidePopover()) }, "Any value"),
  );
  menu.addEventListener("toggle", ({ newState }) => newState === "closed" && menu.remove());
  document.body.append(menu);
  menu.showPopover();
  const { left, bottom } = anchor.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left - 20, window.innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${bottom + 4}px`;
  menu.querySelector("input")?.focus();
}

/** The values of a column with the number of settings that have each. */
function valuesOf({ id }, { settings }) {
  const counts = new Map();
  const count = (value) => counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const setting of settings) {
    if (id === STATE) new Set(setting.runs.map(({ state }) => state)).forEach(count);
    else count(columnValue(setting, id));
  }
  const order = id === STATE ? (a, b) => STATES.indexOf(b) - STATES.indexOf(a) : compared;
  return [...counts].map(([value, number]) => ({ value, number })).toSorted((a, b) => order(a.value, b.value));
}

const compared = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });

/** Fields for the ends of a range; of an accuracy in percent. */
function rangeFields({ id }, rule, { objective, values }, set) {
  const unit = ["@objective", "@test"].includes(id) && objective.startsWith("accuracy") ? PERCENT : 1;
  const shown = (bound) => (typeof bound === "number" ? String(Number((bound * unit).toPrecision(4))) : "");
  const numbers = values.map(({ value }) => value).filter((value) => typeof value === "number");
  const ends = { low: Math.min(...numbers), high: Math.max(...numbers) };
  const fields = ["low", "high"].map((end) =>
    el("input", {
      type: "text",
      inputmode: "decimal",
      value: shown(rule?.[end]),
      placeholder: shown(ends[end]),
      "aria-label": end === "low" ? "From" : "To",
    }),
  );
  const read = ({ value }) => {
    const number = value.trim() === "" ? null : Number(value.replace(",", ".").replace("%", ""));
    return number === null || Number.isNaN(number) ? null : number / unit;
  };
  const apply = () => {
    const [low, high] = fields.map(read);
    set(low === null && high === null ? null : { low, high });
  };
  for (const field of fields) field.addEventListener("change", apply);
  return el(
    "div",
    { class: "range" },
    fields[0],
    el("span", { class: "quiet" }, "to"),
    fields[1],
    unit > 1 ? "%" : null,
  );
}

function valueBoxes(values, rule, set) {
  const boxes = values.map(({ value, number }) => {
    const text = valueText(value);
    const box = el("input", { type: "checkbox", value: text, checked: !rule?.values || rule.values.includes(text) });
    return {
      box,
      label: el("label", {}, box, el("span", {}, configValue(value)), el("span", { class: "quiet" }, number)),
    };
  });
  const apply = () => {
    const chosen = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    set(chosen.length === boxes.length ? null : { values: chosen });
  };
  for (const { box } of boxes) box.addEventListener("change", apply);
  return el(
    "div",
    { class: "boxes" },
    boxes.map(({ label }) => label),
  );
}

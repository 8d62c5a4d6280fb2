/** The menu that filters by a column: a range of numbers, a list of values. */

import { el } from "../../shared/static/dom.js";
import { columnsOf } from "./columns.js";
import { columnValue, STATE, valueText } from "./filter.js";
import { configValue, isAccuracy, STATES } from "./words.js";

const MOST_VALUES = 30; // that are listed
const PERCENT = 100;

/**
 * Open the menu of a column below its funnel.
 * @param {string} id Of the column.
 * @param {HTMLElement} anchor The funnel.
 * @param {{state: Object, setFilter: Function, onClose: () => void}} how The `state` of the tab, and what is called
 *     when the menu is closed with the focus in it.
 */
export function openFilterMenu(id, anchor, { state, setFilter, onClose }) {
  const column = columnsOf(state.table).find((one) => one.id === id);
  const rule = state.filter[id];
  const set = (next) => setFilter(id, next);
  const values = valuesOf(column, state.table);
  const isRange = column.isNumber && values.length > 1;
  const isList = (!id.startsWith("@") || id === STATE) && values.length <= MOST_VALUES;
  const list = isList ? valueBoxes(values, rule, set) : null;
  const menu = el(
    "div",
    { class: "menu", popover: "auto", role: "dialog", "aria-label": `Filter by ${column.title}` },
    el("h3", {}, column.title),
    isRange ? rangeFields(column, rule, { ...state.table, values }, set) : null,
    list?.node,
    el(
      "div",
      { class: "actions" },
      action("Any value", () => (set(null), menu.hidePopover())),
      list && action("None", list.clear),
    ),
  );
  menu.addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "closed" && menu.contains(document.activeElement)) queueMicrotask(onClose);
  });
  menu.addEventListener("toggle", ({ newState }) => newState === "closed" && menu.remove());
  document.body.append(menu);
  menu.showPopover();
  const { left, bottom } = anchor.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left - 20, window.innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${bottom + 4}px`;
  menu.querySelector("input")?.focus();
}

const action = (text, onclick) => el("button", { type: "button", class: "action", onclick }, text);

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

/** Fields for the ends of a range, of an accuracy in percent. */
function rangeFields({ id }, rule, { objective, values }, set) {
  const isPercent = ["@objective", "@test"].includes(id) && isAccuracy(objective);
  const unit = isPercent ? PERCENT : 1;
  const shown = (bound) => (typeof bound === "number" ? String(Number((bound * unit).toPrecision(4))) : "");
  const numbers = values.map(({ value }) => value).filter((value) => typeof value === "number");
  const field = (label, bound, end) => {
    const kind = { type: "text", inputmode: "decimal", "aria-label": label };
    return el("input", { ...kind, value: shown(bound), placeholder: shown(end), onchange: apply });
  };
  const fields = [field("From", rule?.low, Math.min(...numbers)), field("To", rule?.high, Math.max(...numbers))];
  function apply() {
    const [low, high] = fields.map(({ value }) => readNumber(value, unit));
    fields.forEach((one, i) => one.setAttribute("aria-invalid", one.value.trim() !== "" && [low, high][i] === null));
    set(low === null && high === null ? null : { low, high });
  }
  const after = isPercent ? "%" : id === "@seconds" ? "s" : null;
  return el("div", { class: "range" }, fields[0], el("span", { class: "quiet" }, "to"), fields[1], after);
}

/** What was typed as a number; null where it is none. */
function readNumber(text, unit) {
  const number = Number(text.replace(",", ".").replace("%", ""));
  return text.trim() === "" || Number.isNaN(number) ? null : number / unit;
}

function valueBoxes(values, rule, set) {
  const apply = () => {
    const chosen = boxes.filter(({ checked }) => checked).map(({ value }) => value);
    set(chosen.length === boxes.length ? null : { values: chosen });
  };
  const boxes = values.map(({ value }) => {
    const text = valueText(value);
    const checked = !rule?.values || rule.values.includes(text);
    return el("input", { type: "checkbox", value: text, checked, onchange: apply });
  });
  const clear = () => {
    for (const box of boxes) box.checked = false;
    apply();
  };
  const labels = values.map(({ value, number }, i) =>
    el("label", {}, boxes[i], el("span", {}, configValue(value)), el("span", { class: "quiet" }, number)),
  );
  return { node: el("div", { class: "values" }, labels), clear };
}

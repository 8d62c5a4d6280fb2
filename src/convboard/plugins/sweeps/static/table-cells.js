/** The cells of a row of the table. */

import { el, svg } from "../../shared/static/dom.js";
import { NAME } from "./columns.js";
import { columnValue, STATE } from "./filter.js";
import { layersLink } from "./layers-link.js";
import { settingColour } from "./setting-colours.js";
import { strip } from "./strip.js";
import { configValue, duration, metric, runLabel, runStateText, settingName } from "./words.js";
import { shownStates, stateWords, withDeviation } from "./words.js";

const BEGUN = new Set(["running", "interrupted", "failed", "pruned", "finished"]);
const WRONG = new Set(["failed", "unreadable"]);
const EXPLAINED = new Set([...WRONG, "interrupted", "pruned"]); // states with a reason to show

/**
 * The cells of a setting.
 * @param {import("./rows.js").Row} row
 * @param {{state: Object, columns: import("./columns.js").Column[], actions: Object}} context
 */
export function settingCells({ setting, isPinned }, { state, columns, actions }) {
  const { table, scale, picked, expanded, places, theme } = state;
  const cells = {
    [STATE]: () => stateCell(setting.runs),
    [NAME]: () => runLabel(setting.runs[0]),
    "@objective": () => objectiveCell(setting, table, scale),
    "@n": () => seedsCell(setting),
    "@test": () => withDeviation(table.tested, setting.test),
    "@seconds": () => duration(columnValue(setting, "@seconds")),
  };
  const name = settingName(setting, table.keys);
  return [
    pickButton(setting, name, { picked, theme, ...actions }),
    pinButton(setting, name, { isPinned, ...actions }),
    expandButton(setting, name, { isOpen: expanded.includes(setting.id), place: places.get(setting.id), ...actions }),
    ...columns.map((column) => cell(column, cells[column.id]?.() ?? configValue(setting.values[column.id]))),
  ];
}

function cell({ id, isNumber }, content) {
  const title = typeof content === "string" ? content : null;
  const kind = id.startsWith("@") ? `cell of-${id.slice(1)}` : "cell value";
  return el("div", { class: isNumber ? `${kind} number` : kind, role: "gridcell", title }, content);
}

/** A button that the Tab key passes over: a key does the same with the current row. */
function rowButton(attributes, act, ...children) {
  const onclick = (event) => {
    event.stopPropagation(); // the row does not become the current one
    act();
  };
  return el("button", { type: "button", tabindex: "-1", ...attributes, onclick }, children);
}

function pickButton({ id }, name, { picked, theme, togglePicked }) {
  const index = picked.indexOf(id);
  const attributes = {
    class: "pick",
    role: "checkbox",
    "aria-checked": index >= 0,
    "aria-label": `Pick ${name} for the other views`,
    title: "Pick for the other views (space)",
    style: index < 0 ? {} : { "--colour": settingColour(index, theme) },
  };
  return rowButton(attributes, () => togglePicked(id));
}

function pinButton({ id }, name, { isPinned, togglePinned }) {
  const what = isPinned ? "Unpin" : "Pin to the top";
  const attributes = { class: "pin", "aria-pressed": isPinned, "aria-label": `${what}: ${name}`, title: `${what} (P)` };
  const pin = svg("path", { d: "M5 1.5h4l-.5 4.5 2.5 2v1H3V8l2.5-2zM7 9v4", "stroke-linejoin": "round" });
  const picture = svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, pin);
  return rowButton(attributes, () => togglePinned(id), picture);
}

function expandButton({ id }, name, { isOpen, place, toggleExpanded }) {
  const what = isOpen ? "Hide the runs" : "Show the runs";
  const label = `${what} of ${name}, rank ${place ?? "unknown"}`;
  const attributes = { class: "expand", "aria-expanded": isOpen, "aria-label": label };
  return rowButton(
    { ...attributes, title: `${what} (${isOpen ? "←" : "→"})` },
    () => toggleExpanded(id),
    el("span", { class: "chevron", "aria-hidden": "true" }, isOpen ? "▾" : "▸"),
    el("span", { class: "place" }, place ?? "–"),
  );
}

/** The states of the runs of a setting, and how far those are that run. */
function stateCell(runs) {
  const running = runs.filter(({ state }) => state === "running");
  const part = (word, i) => [i ? ", " : null, el("span", { class: `state-word is-${word.split(" ").at(-1)}` }, word)];
  return [
    el("span", { class: "state-list", title: stateWords(runs).join(", ") }, shownStates(runs).map(part)),
    running.length ? progressBar(running) : null,
  ];
}

function progressBar(runs) {
  const done = runs.reduce((sum, run) => sum + progressOf(run), 0) / runs.length;
  return el(
    "span",
    { class: "run-progress", title: `${Math.round(100 * done)} % of the epochs` },
    el("span", { style: { width: `${(100 * done).toFixed(1)}%` } }),
  );
}

const progressOf = ({ epochs, max_epochs: most }) => (most ? Math.min(1, (epochs ?? 0) / most) : 0);

/** The strip and the figures; where nothing has come out, the reason. */
function objectiveCell({ mean, deviation, runs }, { objective }, scale) {
  if (mean === null) {
    const told = runs.find(isExplained);
    return told ? reasonOf(told) : el("span", { class: "figure" }, "–");
  }
  const values = runs.map(({ value }) => value).filter((value) => value !== null);
  const figure = withDeviation(objective, { mean, deviation });
  return [strip({ mean, deviation }, values, scale), el("span", { class: "figure" }, figure)];
}

const isExplained = ({ reason, state }) => reason && EXPLAINED.has(state);

const reasonOf = ({ reason, state }) =>
  el("span", { class: WRONG.has(state) ? "reason wrong" : "reason", title: reason }, reason);

/** How many seeds count; and of how many, where some have not finished, or are repeated. */
const seedsCell = ({ n, runs }) =>
  n === runs.length ? String(n) : [String(n), el("span", { class: "quiet" }, ` of ${runs.length}`)];

/**
 * The cells of a run below its setting. The reason of a run without a result has the room of the strip, too.
 * @param {import("./rows.js").Row} row
 * @param {{state: Object, columns: import("./columns.js").Column[]}} context
 */
export function runCells({ run }, { state: { table, scale }, columns }) {
  const figures = {
    "@objective": () => [runStrip(run, scale), el("span", { class: "figure" }, metric(table.objective, run.value))],
    "@n": () => "",
    "@test": () => metric(table.tested, run.test),
    "@seconds": () => duration(run.seconds),
  };
  const isReasonLong = run.value === null && isExplained(run);
  const shown = columns.filter(({ id }) => id in figures && !(isReasonLong && id === "@objective"));
  const span = columns.length - 1 - shown.length; // all columns but the state's and those that are shown
  const own = (kind, content, style = {}) => el("div", { class: `cell ${kind}`, role: "gridcell", style }, content);
  return [
    own("link", BEGUN.has(run.state) ? layersLink(run.run) : null),
    own("of-state", runState(run)),
    own("about", about(run), { "grid-column-end": `span ${span}` }),
    ...shown.map((column) => cell(column, figures[column.id]())),
  ];
}

const runStrip = ({ value }, scale) =>
  value === null ? null : strip({ mean: value, deviation: null }, [value], scale);

const runState = (run) => [
  el("span", { class: `state-word is-${run.state}` }, runStateText(run)),
  run.state === "running" ? progressBar([run]) : null,
];

const about = (run) => [el("span", {}, runLabel(run)), run.reason ? reasonOf(run) : null];

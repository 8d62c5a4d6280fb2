/** The cells of a row of the table. */

import { mainWindow } from "../../shared/static/address.js";
import { el, svg } from "../../shared/static/dom.js";
import { columnValue, STATE } from "./filter.js";
import { settingColour } from "./setting-colours.js";
import { strip } from "./strip.js";
import { configValue, duration, metric, stateWords, withDeviation } from "./words.js";

const BEGUN = new Set(["running", "interrupted", "failed", "pruned", "finished"]);
const TOLD = new Set(["failed", "unreadable", "interrupted", "pruned"]); // states with a reason to show

/**
 * The cells of a setting.
 * @param {import("./rows.js").Row} row
 * @param {{state: Object, columns: import("./columns.js").Column[], actions: Object}} context
 */
export function settingCells(row, { state, columns, actions }) {
  const { setting } = row;
  const { table, scale } = state;
  const cells = {
    [STATE]: () => stateCell(setting.runs),
    "@objective": () => objectiveCell(setting, table, scale),
    "@n": () => String(setting.n),
    "@test": () => withDeviation(table.tested, setting.test),
    "@seconds": () => duration(columnValue(setting, "@seconds")),
  };
  const content = ({ id }) => (cells[id] ? cells[id]() : configValue(setting.values[id]));
  return [
    pickButton(row, state, actions),
    pinButton(row, actions),
    expandButton(row, state, actions),
    ...columns.map((column) => cell(column, content(column))),
  ];
}

const cell = ({ id, isNumber }, content) => {
  const title = typeof content === "string" ? content : null;
  const kind = id.startsWith("@") ? `cell of-${id.slice(1)}` : "cell value";
  return el("div", { class: isNumber ? `${kind} number` : kind, role: "gridcell", title }, content);
};

function pickButton({ setting }, { picked, theme }, { togglePicked }) {
  const index = picked.indexOf(setting.id);
  const colour = index < 0 ? null : { "--colour": settingColour(index, theme) };
  return el("button", {
    type: "button",
    class: "pick",
    role: "checkbox",
    "aria-checked": index >= 0,
    "aria-label": "Pick for the other views",
    title: "Pick for the other views (space)",
    tabindex: "-1",
    style: colour ?? {},
    onclick: stopping(() => togglePicked(setting.id)),
  });
}

function pinButton({ setting, isPinned }, { togglePinned }) {
  const picture = svg(
    "svg",
    { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" },
    svg("path", { d: "M5 1.5h4l-.5 4.5 2.5 2v1H3V8l2.5-2zM7 9v4", "stroke-linejoin": "round" }),
  );
  const title = isPinned ? "Unpin (P)" : "Pin to the top (P)";
  const attributes = { type: "button", class: "pin", "aria-pressed": isPinned, "aria-label": title, title };
  return el("button", { ...attributes, tabindex: "-1", onclick: stopping(() => togglePinned(setting.id)) }, picture);
}

function expandButton({ setting }, { expanded, places }, { toggleExpanded }) {
  const isOpen = expanded.includes(setting.id);
  const attributes = {
    type: "button",
    class: "expand",
    "aria-expanded": isOpen,
    "aria-label": isOpen ? "Hide the runs" : "Show the runs",
    title: isOpen ? "Hide the runs (←)" : "Show the runs (→)",
    tabindex: "-1",
    onclick: stopping(() => toggleExpanded(setting.id)),
  };
  return el(
    "button",
    attributes,
    el("span", { class: "chevron", "aria-hidden": "true" }, isOpen ? "▾" : "▸"),
    el("span", { class: "place" }, places.get(setting.id) ?? "–"),
  );
}

/** A listener that keeps the click from the row. */
const stopping = (act) => (event) => {
  event.stopPropagation();
  act();
};

/** The states of the runs of a setting but for those that finished among others, and how far those are that run. */
function stateCell(runs) {
  const words = stateWords(runs);
  const told = words.length > 1 ? words.filter((word) => !word.endsWith(" finished")) : words;
  const running = runs.filter(({ state }) => state === "running");
  const part = (word, i) => [i ? ", " : null, el("span", { class: `state-word is-${word.split(" ").at(-1)}` }, word)];
  return [
    el("span", { class: "state-list", title: words.join(", ") }, told.map(part)),
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
function objectiveCell(setting, { objective }, scale) {
  if (setting.mean === null) {
    const told = setting.runs.find(({ reason, state }) => reason && TOLD.has(state));
    return told
      ? el("span", { class: "reason", title: told.reason }, told.reason)
      : el("span", { class: "figure" }, "–");
  }
  const values = setting.runs.map(({ value }) => value).filter((value) => value !== null);
  return [strip(setting, values, scale), el("span", { class: "figure" }, withDeviation(objective, setting))];
}

/**
 * The cells of a run below its setting.
 * @param {import("./rows.js").Row} row
 * @param {{state: Object, columns: import("./columns.js").Column[]}} context
 */
export function runCells({ run }, { state, columns }) {
  const { table, scale } = state;
  const keys = columns.filter(({ id }) => !id.startsWith("@")).length;
  const figures = { mean: run.value, deviation: null };
  const shown = run.value === null ? [] : [strip(figures, [run.value], scale)];
  return [
    el("div", { class: "cell link", role: "gridcell" }, BEGUN.has(run.state) ? layersLink(run.run) : null),
    el("div", { class: "cell run-state", role: "gridcell" }, runState(run)),
    el("div", { class: "cell about", role: "gridcell", style: { "grid-column-end": `span ${keys || 1}` } }, about(run)),
    ...columns
      .filter(({ id }) => id.startsWith("@") && id !== STATE)
      .map((column) => {
        const content = {
          "@objective": () => [...shown, el("span", { class: "figure" }, metric(table.objective, run.value))],
          "@n": () => "",
          "@test": () => metric(table.tested, run.test),
          "@seconds": () => duration(run.seconds),
        }[column.id]();
        return cell(column, content);
      }),
  ];
}

function runState(run) {
  const { state, epochs, max_epochs: most } = run;
  const epoch = state !== "finished" && epochs !== null && most ? ` ${epochs}/${most}` : "";
  return [
    el("span", { class: `state-word is-${state}` }, `${state}${epoch}`),
    state === "running" ? progressBar([run]) : null,
  ];
}

function about({ run, number, seed, reason, state }) {
  const names = [
    number === null ? run.slice(run.lastIndexOf("/") + 1) : `#${number}`,
    seed === null ? null : `seed ${seed}`,
  ].filter(Boolean);
  return [
    el("span", {}, names.join(" · ")),
    reason ? el("span", { class: TOLD.has(state) ? "reason" : "quiet", title: reason }, reason) : null,
  ];
}

/** A link to a run in the Layers tab. */
export function layersLink(run, text = "Layers") {
  const { pathname, search } = mainWindow().location;
  const href = `${pathname}${search}#layers&p.layers.run=${encodeURIComponent(run)}`;
  return el(
    "a",
    { href, target: "_top", title: "Look inside this run in the Layers tab", onclick: stopping(() => null) },
    text,
  );
}

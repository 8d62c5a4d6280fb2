/** The columns of the table that hold values: what they are called, how wide they are, what they hold. */

import { columnValue, STATE } from "./filter.js";
import { configValue, shortKeys, stateWords } from "./words.js";

const CHARACTER = 7.4; // pixels
const PADDING = 36; // pixels of a cell, and of the buttons in its head
const [NARROWEST, WIDEST] = [74, 230]; // pixels of a key

/**
 * @typedef {{id: string, title: string, hint: string, width: string, isNumber: boolean, canFilter: boolean}} Column
 *     `width` for `grid-template-columns`.
 */

const made = new WeakMap(); // columns by table: their widths depend on all values

/**
 * The columns of a table, from left to right.
 * @param {import("./api.js").Table} table
 * @returns {Column[]}
 */
export function columnsOf(table) {
  if (!made.has(table)) made.set(table, makeColumns(table));
  return made.get(table);
}

function makeColumns(table) {
  const { objective, tested, keys, settings } = table;
  const short = shortKeys(keys);
  const number = { isNumber: true, canFilter: true };
  return [
    stateColumn(settings),
    ...keys.map((key, i) => keyColumn(key, short[i], settings)),
    { ...number, id: "@objective", title: objective, hint: SPREAD, width: "minmax(236px, 1fr)" },
    { ...number, id: "@n", title: "n", hint: "Number of seeds", width: "46px", canFilter: false },
    ...(tested === objective ? [] : [{ ...number, id: "@test", title: tested, hint: TEST, width: "136px" }]),
    { ...number, id: "@seconds", title: "time", hint: "Mean wall time of a run", width: "88px" },
  ];
}

function stateColumn(settings) {
  const longest = Math.max(0, ...settings.map(({ runs }) => stateWords(runs).join(", ").length));
  const width = Math.min(152, Math.max(96, CHARACTER * longest + 20));
  const name = { id: STATE, title: "state", hint: "State of the runs" };
  return { ...name, width: `${Math.round(width)}px`, isNumber: false, canFilter: true };
}

const SPREAD = "Mean ± standard deviation over the seeds; the bar ends at the mean, a dot is a run";
const TEST = "Mean ± standard deviation over the seeds, of the best epochs on the validation split";

function keyColumn(key, title, settings) {
  const texts = settings.map(({ values }) => configValue(values[key]));
  const longest = Math.max(title.length, ...texts.map((text) => text.length));
  const width = Math.min(WIDEST, Math.max(NARROWEST, CHARACTER * longest + PADDING));
  const isNumber = settings.every(({ values }) => values[key] === null || typeof values[key] === "number");
  return { id: key, title, hint: key, width: `${Math.round(width)}px`, isNumber, canFilter: true };
}

/** What a column is called outside of the table. */
export const columnTitle = (id, table) => columnsOf(table).find((column) => column.id === id)?.title ?? id;

/** Settings sorted by a column; null: as they are. What has no value comes last. */
export function sorted(settings, sort) {
  if (!sort) return settings;
  const valueOf = (setting) => (sort.column === STATE ? stateOrder(setting) : columnValue(setting, sort.column));
  const known = settings.filter((setting) => valueOf(setting) !== null);
  const direction = sort.isDescending ? -1 : 1;
  return [
    ...known.toSorted((a, b) => direction * compared(valueOf(a), valueOf(b))),
    ...settings.filter((setting) => valueOf(setting) === null),
  ];
}

const stateOrder = ({ runs }) => runs.map(({ state }) => state).toSorted()[0];

/** Numbers come before texts. */
function compared(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

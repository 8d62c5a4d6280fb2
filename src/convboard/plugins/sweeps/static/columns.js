/** The columns of the table that hold values: what they are called, how wide they are, what they hold. */

import { columnValue, STATE } from "./filter.js";
import { configValue, runStateText, shortKeys, shownStates } from "./words.js";

export const NAME = "@name"; // of a setting in a table without keys

const CHARACTER = 7.2; // pixels
const BOLD = 7.9; // pixels of a character of a title
const PADDING = 18; // pixels of a cell
const BUTTONS = 40; // pixels of the head of a column, beside its title
const [NARROWEST, WIDEST] = [74, 230]; // pixels of a column of texts
const WIDEST_STATE = 130;

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

function makeColumns({ objective, tested, keys, settings }) {
  const short = shortKeys(keys);
  const runs = settings.flatMap((setting) => setting.runs);
  const states = [...settings.map((setting) => shownStates(setting.runs).join(", ")), ...runs.map(runStateText)];
  const number = { isNumber: true, canFilter: true };
  const text = { isNumber: false, canFilter: true };
  const stateWidth = widthOf("state", states, WIDEST_STATE);
  const named = { ...text, id: NAME, title: "run", hint: "The first run", width: `${WIDEST}px`, canFilter: false };
  return [
    { ...text, id: STATE, title: "state", hint: "State of the runs", width: stateWidth },
    ...(keys.length ? keys.map((key, i) => keyColumn(key, short[i], settings)) : [named]),
    { ...number, id: "@objective", title: objective, hint: SPREAD, width: "minmax(236px, 1fr)" },
    { ...number, id: "@n", title: "n", hint: SEEDS, width: "62px", canFilter: false },
    ...(tested === objective ? [] : [{ ...number, id: "@test", title: tested, hint: TEST, width: "136px" }]),
    { ...number, id: "@seconds", title: "time", hint: "Mean wall time of a run", width: "88px" },
  ];
}

const SPREAD = "Mean ± standard deviation over the seeds; the bar ends at the mean, a dot is a run";
const SEEDS = "Number of seeds in the mean";
const TEST = "Mean ± standard deviation over the seeds, of the best epochs on the validation split";

function keyColumn(key, title, settings) {
  const width = widthOf(
    title,
    settings.map(({ values }) => configValue(values[key])),
  );
  const isNumber = settings.every(({ values }) => values[key] === null || typeof values[key] === "number");
  return { id: key, title, hint: key, width, isNumber, canFilter: true };
}

/** The width of a column that shows its title and its texts, if they are not too long. */
function widthOf(title, texts, widest = WIDEST) {
  const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
  const width = Math.max(BOLD * title.length + BUTTONS, CHARACTER * longest + PADDING);
  return `${Math.round(Math.min(widest, Math.max(NARROWEST, width)))}px`;
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

/** What a click on a column's title sorts by: of a metric the best come first, of all else the smallest. */
export function nextSort({ sort, table }, column) {
  const isDescending = table.is_maximised && (column === "@objective" || column === "@test");
  if (sort?.column !== column) return { column, isDescending };
  return sort.isDescending === isDescending ? { column, isDescending: !isDescending } : null;
}

const stateOrder = ({ runs }) => runs.map(({ state }) => state).toSorted()[0];

/** Numbers come before texts. */
function compared(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

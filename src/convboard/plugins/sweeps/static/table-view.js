/** The Table view: a row for each setting, of which only those in the window are drawn. */

import { el, focusOn, oncePerFrame, redraw } from "../../shared/static/dom.js";
import { columnsOf } from "./columns.js";
import { openFilterMenu } from "./filter-menu.js";
import { rowsOf } from "./rows.js";
import { scaleOf } from "./strip.js";
import { runCells, settingCells } from "./table-cells.js";
import { headCells } from "./table-head.js";

const ROW = 32; // pixels, as in style.css
const BEYOND = 6; // rows that are drawn above and below the window
const TOOLS = "28px 24px 56px"; // pick, pin, expand
const DRAWN_FROM = [
  "view",
  "rows",
  "filter",
  "sort",
  "picked",
  "pinned",
  "expanded",
  "current",
  "run",
  "theme",
  "width",
  "height",
];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function tableView(store, actions) {
  derive(store);
  return new TableView(store, actions).node;
}

class TableView {
  #nodes = new Map(); // of the rows that are drawn, by key

  constructor(store, actions) {
    this.store = store;
    this.actions = { ...actions, openFilter: (id, anchor) => this.#openFilter(id, anchor) };
    this.head = el("div", { class: "row head", role: "row", "aria-rowindex": 1 });
    this.pinned = el("div", { class: "pinned", role: "rowgroup" });
    this.body = el("div", { class: "rows", role: "rowgroup" });
    this.nothing = el("p", { class: "nothing quiet", hidden: true }, "No setting passes the filters.");
    const top = el("div", { class: "top-rows" }, this.head, this.pinned);
    const grid = { class: "grid", role: "grid", tabindex: 0, "aria-label": "Settings", "aria-multiselectable": true };
    this.grid = el("div", { ...grid, onfocus: () => this.#onFocus() }, top, this.body);
    this.scroller = el("div", { class: "table-scroll" }, this.grid, this.nothing);
    this.node = el("section", { class: "view table-view", "aria-label": "Table of settings" }, this.scroller);
    const drawSoon = oncePerFrame(() => this.#draw());
    store.subscribe(DRAWN_FROM, drawSoon);
    store.subscribe(["current"], () => this.#showCurrent());
    const drawRowsSoon = oncePerFrame(() => this.#drawRows());
    this.scroller.addEventListener("scroll", drawRowsSoon, { passive: true });
  }

  #draw() {
    const state = this.store.get();
    if (state.view !== "table" || !state.table) return;
    const columns = columnsOf(state.table);
    this.grid.style.setProperty("--columns", `${TOOLS} ${columns.map(({ width }) => width).join(" ")}`);
    this.grid.setAttribute("aria-rowcount", state.rows.length + 1);
    redraw(this.head, headCells(columns, state, this.actions));
    this.#nodes.clear();
    this.#drawRows();
    this.nothing.hidden = state.rows.length > 0;
  }

  /** Draw the rows in the window. Those that are drawn already stay until `#draw` is called. */
  #drawRows() {
    const state = this.store.get();
    if (!state.table) return;
    const { rows } = state;
    const context = { state, columns: columnsOf(state.table), actions: this.actions };
    const count = pinnedCount(rows);
    const node = (row, i, top) => this.#nodes.get(row.key) ?? rowNode(row, i, top, context);
    redraw(
      this.pinned,
      rows.slice(0, count).map((row, i) => node(row, i, null)),
    );
    this.body.style.height = `${(rows.length - count) * ROW}px`;
    const { scrollTop, clientHeight } = this.scroller;
    const begin = Math.max(0, Math.floor(scrollTop / ROW) - BEYOND);
    const end = Math.ceil((scrollTop + clientHeight) / ROW) + BEYOND;
    const shown = rows.slice(count + begin, count + end);
    const drawn = redraw(
      this.body,
      shown.map((row, i) => node(row, count + begin + i, (begin + i) * ROW)),
    );
    this.#nodes = new Map(shown.map(({ key }, i) => [key, drawn[i]]));
    const index = rows.findIndex(({ key }) => key === state.current);
    this.grid.setAttribute("aria-activedescendant", index < 0 ? "" : rowId(index));
  }

  #openFilter(id, anchor) {
    const { setFilter } = this.actions;
    const onClose = () => focusOn(this.head, anchor.dataset.focus);
    openFilterMenu(id, anchor, { state: this.store.get(), setFilter, onClose });
  }

  /** Who reaches the rows by the Tab key sees at which one the keys are. */
  #onFocus() {
    const { rows, current } = this.store.get();
    if (this.grid.matches(":focus-visible") && !rows.some(({ key }) => key === current)) this.actions.moveRow(0);
  }

  /** Scroll to the current row, no further than it takes. */
  #showCurrent() {
    const { rows, current } = this.store.get();
    const count = pinnedCount(rows);
    const index = rows.findIndex(({ key }) => key === current) - count;
    if (index < 0) return;
    const { scroller } = this;
    const visible = scroller.clientHeight - (count + 1) * ROW;
    if (index * ROW < scroller.scrollTop) scroller.scrollTop = index * ROW;
    else if ((index + 1) * ROW > scroller.scrollTop + visible) scroller.scrollTop = (index + 1) * ROW - visible;
  }
}

function pinnedCount(rows) {
  const first = rows.findIndex(({ isPinned }) => !isPinned);
  return first < 0 ? rows.length : first;
}

/** Keep what follows from the choices: the rows, their places in the ranking, and the scale of the strips. */
function derive(store) {
  store.subscribe(["table", "matching", "sort", "pinned", "expanded"], (state) => store.set({ rows: rowsOf(state) }));
  store.subscribe(["table"], ({ table }) => {
    const ranked = (table?.settings ?? []).filter(({ mean }) => mean !== null);
    const values = ranked.flatMap(({ runs }) => runs.map(({ value }) => value)).filter((value) => value !== null);
    store.set({
      places: new Map(ranked.map(({ id }, i) => [id, i + 1])),
      scale: scaleOf(values, table?.is_maximised ?? true, table?.objective.startsWith("accuracy") ? [0, 1] : undefined),
    });
  });
}

const rowId = (index) => `row-${index}`;

/**
 * @param {import("./rows.js").Row} row
 * @param {number} index Among all rows.
 * @param {?number} top In pixels; null: it is below the row before it.
 * @param {Object} context See `settingCells`.
 */
function rowNode(row, index, top, context) {
  const { state, actions } = context;
  const { setting, run } = row;
  const isShown = run ? run.run === state.run : setting.runs.some((one) => one.run === state.run);
  const kinds = [
    "row",
    run ? "of-run" : "of-setting",
    row.key === state.current ? "current" : "",
    isShown ? "shown" : "",
  ];
  return el(
    "div",
    {
      class: kinds.filter(Boolean).join(" "),
      role: "row",
      id: rowId(index),
      "aria-rowindex": index + 2, // after the head
      "aria-selected": state.picked.includes(setting.id),
      "data-key": row.key,
      style: top === null ? {} : { transform: `translateY(${top}px)` },
      onclick: () => actions.chooseRow(row),
    },
    run ? runCells(row, context) : settingCells(row, context),
  );
}

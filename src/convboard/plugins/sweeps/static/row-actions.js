/** What the keys do with the current row of the table. */

import { toggled } from "./selection.js";

const toggle = (ids, id) => (ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id]);

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function rowActions(store) {
  const currentRow = () => {
    const { rows, current } = store.get();
    return rows.find(({ key }) => key === current);
  };
  const withSetting = (act) => () => {
    const row = currentRow();
    if (row) act(row);
  };
  return {
    /** Go some rows further; the first time to the first row. */
    moveRow(by) {
      const { rows, current, run } = store.get();
      if (!rows.length) return;
      const index = rows.findIndex(({ key }) => key === current);
      const next = index < 0 ? rows[0] : rows[Math.min(rows.length - 1, Math.max(0, index + by))];
      store.set({ current: next.key, ...(run === null ? {} : { run: runOf(next) }) });
    },

    /** Show the runs of the setting, or hide them. */
    expandRow(isOpen) {
      const row = currentRow();
      const { expanded } = store.get();
      if (!row || expanded.includes(row.setting.id) === isOpen) return;
      store.set({ expanded: toggle(expanded, row.setting.id), current: `setting ${row.setting.id}` });
    },

    pickRow: withSetting(({ setting }) => store.set({ picked: toggled(store.get().picked, setting.id) })),
    pinRow: withSetting(({ setting }) => store.set({ pinned: toggle(store.get().pinned, setting.id) })),
    openRow: withSetting((row) => store.set({ run: runOf(row) })),

    /** Make a row the current one and show its details. */
    chooseRow: (row) => store.set({ current: row.key, run: runOf(row) }),
  };
}

/** The run whose details stand for a row: of a setting the first one. */
const runOf = ({ setting, run }) => (run ?? setting.runs[0]).run;

/** The rows of the table: settings, and below those that are expanded their runs. */

import { sorted } from "./columns.js";

/** @typedef {{key: string, setting: Object, run: ?Object, isPinned: boolean}} Row `run`: null in a row of a setting. */

/**
 * @param {Object} state Of the tab.
 * @returns {Row[]} Pinned settings first, also those that do not pass the filter.
 */
export function rowsOf({ table, matching, sort, pinned, expanded }) {
  if (!table) return [];
  const isPinned = new Set(pinned);
  const isExpanded = new Set(expanded);
  const first = table.settings.filter(({ id }) => isPinned.has(id));
  const others = sorted(matching, sort).filter(({ id }) => !isPinned.has(id));
  const rows = (setting) => {
    const runs = isExpanded.has(setting.id) ? setting.runs : [];
    return [null, ...runs].map((run) => ({
      key: run ? `run ${run.run}` : `setting ${setting.id}`,
      setting,
      run,
      isPinned: isPinned.has(setting.id),
    }));
  };
  return [...sorted(first, sort), ...others].flatMap(rows);
}

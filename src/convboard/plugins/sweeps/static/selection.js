/** Which settings are picked, and in which colour. */

export const AT_FIRST = 5; // settings that are shown while none is picked

/** `ids` with a setting put in at the first free place, or taken out so that the others keep theirs. */
export function toggled(ids, id) {
  if (ids.includes(id)) return trimmed(ids.map((other) => (other === id ? null : other)));
  const free = ids.indexOf(null);
  return free < 0 ? [...ids, id] : ids.with(free, id);
}

function trimmed(ids) {
  const last = ids.findLastIndex((id) => id !== null);
  return ids.slice(0, last + 1);
}

/**
 * The settings that the views beside the table show: those that are picked, or else the best that pass the filter.
 * @param {Object} state Of the tab.
 * @returns {{setting: import("./api.js").Setting, index: number}[]} `index` gives the colour.
 */
export function chosenSettings({ table, picked, matching }) {
  if (!table) return [];
  const byId = new Map(table.settings.map((setting) => [setting.id, setting]));
  const chosen = picked.map((id, index) => ({ setting: byId.get(id), index })).filter(({ setting }) => setting);
  return chosen.length ? chosen : matching.slice(0, AT_FIRST).map((setting, index) => ({ setting, index }));
}

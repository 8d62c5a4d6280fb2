/** Keyboard shortcuts. */

import { listenToKeys } from "../../shared/static/keyboard.js";

export const KEYS = [
  ["↑ ↓", "the row before, the row after; Tab goes to titles, funnels and links"],
  ["→ ←", "show the runs of a setting, hide them"],
  ["space", "pick a setting for the other views"],
  ["P", "pin a setting to the top"],
  ["Enter", "details of a run or setting"],
  ["Esc", "close a menu, or else the details"],
  ["X", "clear all filters"],
  ["Tab to the plot, ← →", "along the curves; ↑ ↓ from curve to curve; Esc shows all of them again"],
  ["Tab to an axis, ↑ ↓", "an end of its range; ← → the axis before, after; Esc shows all again"],
  ["Inside: ↑ ↓, [ ]", "the layer before, after; the probe image"],
  ["Inside: ← →, space", "the epoch before, after; play through the epochs"],
  ["1 2 3 4", "the views"],
  ["?", "this page"],
];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`; and `showKeys`, `moveRow` and the like of the table.
 */
export function useKeys(store, actions) {
  const byView = (acts) => () => acts[store.get().view]?.() ?? store.get().view in acts;
  const inTable = (table) => byView({ table });
  listenToKeys(store, {
    ArrowUp: byView({ table: () => actions.moveRow(-1), inside: () => actions.moveLayer(-1) }),
    ArrowDown: byView({ table: () => actions.moveRow(1), inside: () => actions.moveLayer(1) }),
    PageUp: inTable(() => actions.moveRow(-15)),
    PageDown: inTable(() => actions.moveRow(15)),
    ArrowRight: byView({ table: () => actions.expandRow(true), inside: () => actions.moveEpoch(1) }),
    ArrowLeft: byView({ table: () => actions.expandRow(false), inside: () => actions.moveEpoch(-1) }),
    " ": byView({ table: actions.pickRow, inside: actions.togglePlay }),
    "[": byView({ inside: () => actions.moveImage(-1) }),
    "]": byView({ inside: () => actions.moveImage(1) }),
    p: inTable(actions.pinRow),
    Enter: inTable(actions.openRow),
    Escape: () => actions.showRun(null),
    x: actions.clearFilters,
    1: () => actions.chooseViewAt(0),
    2: () => actions.chooseViewAt(1),
    3: () => actions.chooseViewAt(2),
    4: () => actions.chooseViewAt(3),
    "?": actions.showKeys,
  });
}

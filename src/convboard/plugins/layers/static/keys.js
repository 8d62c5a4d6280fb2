/** Keyboard shortcuts. */

import { listenToKeys } from "../../shared/static/keyboard.js";

export const KEYS = [
  ["↑ ↓", "the layer before, the layer after"],
  ["+ −", "expand or collapse the block of the layer"],
  ["← →", "the epoch before, the epoch after"],
  ["space", "play through the epochs, pause"],
  ["[ ]", "the probe image before, after"],
  ["U", "pin the unit with the largest value"],
  ["shift + arrows", "move the pinned unit"],
  ["Esc", "unpin"],
  ["H", "between the layer's inside and its health"],
  ["?", "this page"],
];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`; and `showKeys`, `pinStrongest`, `moveUnit`.
 */
export function useKeys(store, actions) {
  const plain = {
    ArrowUp: () => actions.moveLayer(-1),
    ArrowDown: () => actions.moveLayer(1),
    "+": actions.expandBlock,
    "=": actions.expandBlock, // the same key without shift
    "-": actions.collapseBlock,
    ArrowLeft: () => actions.moveStep(-1),
    ArrowRight: () => actions.moveStep(1),
    " ": actions.togglePlay,
    "[": () => actions.moveImage(-1),
    "]": () => actions.moveImage(1),
    Escape: () => store.set({ unit: null, hover: null }),
    u: actions.pinStrongest,
    h: () => store.set({ view: store.get().view === "health" ? "inside" : "health" }),
    "?": actions.showKeys,
  };
  const shifted = {
    ArrowUp: () => actions.moveUnit(-1, 0),
    ArrowDown: () => actions.moveUnit(1, 0),
    ArrowLeft: () => actions.moveUnit(0, -1),
    ArrowRight: () => actions.moveUnit(0, 1),
  };
  listenToKeys(store, plain, shifted);
}

/** Keyboard shortcuts, and the dialog that lists them. */

import { el } from "../../shared/static/dom.js";

const KEYS = [
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

/** A dialog with all keys. */
export function keysDialog() {
  const dialog = el(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el(
      "dl",
      {},
      KEYS.map(([keys, does]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, does)]),
    ),
    el("form", { method: "dialog" }, el("button", { type: "submit", class: "action" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`; and `showKeys`, `pinStrongest`, `moveUnit`.
 */
export function listenToKeys(store, actions) {
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
  // On opening, and on coming back from another of TensorBoard's tabs: the keys work without a click. A frame that is
  // not shown has no width.
  let width = 0;
  const takeKeys = (state) => {
    if (!width && state.width) window.focus();
    width = state.width;
  };
  store.subscribe(["width"], takeKeys);
  takeKeys(store.get());
  document.addEventListener("keydown", (event) => {
    if (isTakenElsewhere(event)) return;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : "";
    const act = (event.shiftKey ? shifted : plain)[event.key] ?? plain[letter];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Whether a key belongs to the browser, to a dialog, or to the field or button that has the focus. */
function isTakenElsewhere(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]") || target.matches?.("input[type=text], select")) return true;
  // The slider moves by left and right as the tab does, so that these keys are not its own.
  return event.key === " " && Boolean(target.matches?.("button, summary, input"));
}

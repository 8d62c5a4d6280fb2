/** Keyboard shortcuts of a tab, and the dialog that lists them. */

import { el } from "./dom.js";

/**
 * A dialog with all keys.
 * @param {[string, string][]} keys The keys, and what they do.
 */
export function keysDialog(keys) {
  const dialog = el(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el(
      "dl",
      {},
      keys.map(([names, does]) => [el("dt", {}, el("kbd", {}, names)), el("dd", {}, does)]),
    ),
    el("form", { method: "dialog" }, el("button", { type: "submit", class: "action" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

/**
 * @param {ReturnType<import("./store.js").createStore>} store With the `width` of the window.
 * @param {Object<string, () => void|false>} plain What a key does, by its name, letters in lower case; what returns
 *     false leaves the key to the browser.
 * @param {Object<string, () => void>} [shifted] The same with shift.
 */
export function listenToKeys(store, plain, shifted = plain) {
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
    if (act() !== false) event.preventDefault();
  });
}

/** Whether a key belongs to the browser, to a dialog or menu, or to the field or button that has the focus. */
function isTakenElsewhere(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open], :popover-open") || target.matches?.("input[type=text], select"))
    return true;
  // A slider moves by left and right as the tab does, so that these keys are not its own.
  return [" ", "Enter"].includes(event.key) && Boolean(target.matches?.("a, button, summary, input"));
}

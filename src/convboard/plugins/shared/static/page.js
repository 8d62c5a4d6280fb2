/** The document of a tab: its stylesheets, and what it says while the server is silent. */

import { el } from "./dom.js";

/**
 * @param {string[]} files
 * @param {string} base Address that the files are relative to, such as `import.meta.url`.
 * @returns {Promise<any>} Once all are loaded.
 */
export const loadStylesheets = (files, base) => Promise.all(files.map((file) => stylesheet(new URL(file, base).href)));

function stylesheet(href) {
  return new Promise((resolve) => {
    document.head.append(el("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
  });
}

/**
 * A line that is shown while `isGone` is in the state.
 * @param {ReturnType<import("./store.js").createStore>} store
 */
export function goneNotice(store) {
  const node = el(
    "p",
    { class: "gone", role: "status", hidden: true },
    "TensorBoard does not answer: what you see is from before. Start it again; the tab goes on by itself.",
  );
  store.subscribe(["isGone"], ({ isGone }) => (node.hidden = !isGone));
  return node;
}

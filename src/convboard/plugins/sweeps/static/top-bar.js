/** The bar in which the folder of runs and the view are chosen, with the states of the runs. */

import { el } from "../../shared/static/dom.js";
import { plural, whole } from "../../shared/static/format.js";
import { RunPicker } from "../../shared/static/run-picker.js";
import { VIEWS } from "./views.js";
import { ago, countStates } from "./words.js";

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function topBar(store, actions) {
  const keys = { type: "button", class: "icon", "aria-label": "Keys", title: "Keys (?)", onclick: actions.showKeys };
  return el(
    "header",
    { class: "top" },
    folderPicker(store, actions),
    progress(store),
    viewTabs(store, actions),
    el("button", keys, "?"),
  );
}

function folderPicker(store, { chooseFolder }) {
  const choose = (name) => {
    const folder = store.get().folders?.find((one) => one.name === name);
    if (folder) chooseFolder(folder.id);
  };
  const picker = new RunPicker({ label: "Folder", none: null, choose, noun: "folder" });
  // Also where nothing is new: the times since the last change become longer.
  store.subscribe(["folders", "folder", "askedAt"], ({ folders, folder }) => {
    const chosen = folders?.find(({ id }) => id === folder);
    picker.update((folders ?? []).map(entry), chosen?.name ?? folder);
  });
  return picker.node;
}

function entry({ name, runs, counts, updated }) {
  const state = counts.running ? "running" : "finished";
  const since = counts.running ? "running" : updated ? ago(updated) : null;
  return { name, about: [plural(runs, "run"), since].filter(Boolean), state };
}

const IN_BAR = ["finished", "pruned", "running", "waiting", "interrupted", "failed", "unreadable"];

/** How many runs are in each state: a bar and words. */
function progress(store) {
  const bar = el("div", { class: "states", "aria-hidden": "true" });
  const words = el("div", { class: "state-words" });
  const node = el("div", { class: "progress", role: "status", "aria-label": "States of the runs" }, words, bar);
  const draw = ({ table, folders, folder }) => {
    const counts = table
      ? countStates(table.settings.flatMap(({ runs }) => runs))
      : (folders?.find(({ id }) => id === folder)?.counts ?? {});
    const present = IN_BAR.filter((state) => counts[state]);
    node.hidden = !present.length;
    bar.replaceChildren(
      ...present.map((state) => el("span", { class: `is-${state}`, style: { "flex-grow": counts[state] } })),
    );
    words.replaceChildren(
      ...present.map((state) => el("span", { class: `state-word is-${state}` }, `${whole(counts[state])} ${state}`)),
    );
  };
  store.subscribe(["table", "folders", "folder"], draw);
  draw(store.get());
  return node;
}

function viewTabs(store, { chooseView }) {
  const tabs = VIEWS.map(({ id, title }, i) => {
    const attributes = { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}` };
    return el("button", { ...attributes, title: `${title} (${i + 1})`, onclick: () => chooseView(id) }, title);
  });
  const draw = ({ view }) => tabs.forEach((tab, i) => tab.setAttribute("aria-selected", VIEWS[i].id === view));
  store.subscribe(["view"], draw);
  draw(store.get());
  return el("div", { class: "tabs views", role: "tablist", "aria-label": "Views" }, tabs);
}

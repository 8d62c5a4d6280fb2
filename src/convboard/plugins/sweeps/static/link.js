/** What is chosen, as a part of TensorBoard's address. */

import { mainWindow, readHash } from "../../shared/static/address.js";
import { LinkKeeper } from "../../shared/static/link-keeper.js";
import { readFilter } from "./filter.js";
import { INITIAL_STATE } from "./initial-state.js";
import { VIEW_DEFAULTS, viewFromLink, viewToLink } from "./view-options.js";
import { VIEWS } from "./views.js";

const PLUGIN = "sweeps";
const OTHERS = "/"; // in place of the empty id of the folder of the runs outside of sweeps
const OWN = ["folder", "view", "sort", "filter", "picked", "pinned", "expanded", "run"];
const KEPT = [...OWN, ...Object.keys(VIEW_DEFAULTS), "loading"];

/** What the present link asks for. */
export const presentLink = () => fromLink(readHash(mainWindow().location.hash, PLUGIN));

/**
 * What is chosen, from the tab's part of a link. What is missing or cannot be read is as it is at first.
 * @param {Object<string, string>} values
 */
export function fromLink(values) {
  return {
    folder: values.folder === OTHERS ? "" : (values.folder ?? null),
    view: VIEWS.some(({ id }) => id === values.view) ? values.view : INITIAL_STATE.view,
    sort: readSort(values.sort),
    filter: readFilter(values.filter ?? "") ?? {},
    picked: readIds(values.picked),
    pinned: readIds(values.pinned),
    expanded: readIds(values.expanded),
    run: values.run ?? null,
    ...viewFromLink(values),
  };
}

/** The inverse of `fromLink`: the tab's part of a link to what a state shows. */
export function toLink(state) {
  return {
    folder: state.folder === "" ? OTHERS : state.folder,
    view: state.view === INITIAL_STATE.view ? null : state.view,
    sort: state.sort && `${state.sort.isDescending ? "-" : ""}${state.sort.column}`,
    filter: Object.keys(state.filter).length ? JSON.stringify(state.filter) : null,
    picked: writeIds(state.picked),
    pinned: writeIds(state.pinned),
    expanded: writeIds(state.expanded),
    run: state.run,
    ...viewToLink(state),
  };
}

function readSort(text) {
  if (!text) return null;
  const isDescending = text.startsWith("-");
  return { column: text.slice(isDescending ? 1 : 0), isDescending };
}

const writeIds = (ids) => ids.map((id) => encodeURIComponent(id ?? "")).join();

function readIds(text) {
  if (!text) return [];
  try {
    return text.split(",").map((id) => (id ? decodeURIComponent(id) : null));
  } catch {
    return []; // an incomplete percent escape
  }
}

/** What the browser's Back button leaves. */
const entryOf = ({ folder, view, run }) => JSON.stringify([folder, view, run].map((value) => value ?? null));

/**
 * Keep the link and the store the same.
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {(chosen: Object) => Promise<void>} follow Called with what a changed link asks for.
 */
export const keepLink = (store, follow) =>
  new LinkKeeper(store, { plugin: PLUGIN, keys: KEPT, toLink, fromLink, entryOf, follow }).start();

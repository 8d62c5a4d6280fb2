/** What is chosen, as a part of TensorBoard's address. */

import { mainWindow, readHash } from "../../shared/static/address.js";
import { LinkKeeper } from "../../shared/static/link-keeper.js";

const PLUGIN = "layers";
const KEPT = ["run", "compare", "layer", "image", "unit", "view", "shownStep", "loading"];

const wholeNumber = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);

/** What the present link asks for. */
export const presentLink = () => fromLink(readHash(mainWindow().location.hash, PLUGIN));

/**
 * What is chosen, from the tab's part of a link; `unread` lists the parts that cannot be parsed.
 * @param {Object<string, string>} values
 */
export function fromLink(values) {
  const unit = /^(\d+),(\d+),(\d+)$/.exec(values.unit ?? "");
  const found = {
    run: values.run || null,
    compare: values.compare || null,
    layer: values.layer || null,
    image: wholeNumber(values.image),
    step: wholeNumber(values.step),
    unit: unit && { channel: Number(unit[1]), row: Number(unit[2]), column: Number(unit[3]) },
    view: ["inside", "health"].includes(values.view) ? values.view : null,
  };
  const unread = ["step", "image", "unit", "view"].filter((name) => values[name] && found[name] === null);
  return {
    ...found,
    image: found.image ?? 0,
    view: found.view ?? "inside",
    unread: unread.map((name) => `${name}=${values[name]}`),
  };
}

/** The inverse of `fromLink`: the tab's part of a link to what a state shows. */
export function toLink(state) {
  const { unit } = state;
  return {
    run: state.run,
    compare: state.compare,
    layer: state.layer,
    image: state.image,
    step: state.shownStep ?? state.step, // of a run that is not there, the step that was asked for
    unit: unit && `${unit.channel},${unit.row},${unit.column}`,
    view: state.view === "health" ? "health" : null,
  };
}

/** What the browser's Back button leaves. A change of epoch, image or unit is no entry of its own. */
const entryOf = ({ run, compare, layer, view }) =>
  JSON.stringify([run, compare, layer, view].map((value) => value ?? null));

/**
 * Keep the link and the store the same.
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {(chosen: Object) => Promise<void>} follow Called with what a changed link asks for.
 */
export const keepLink = (store, follow) =>
  new LinkKeeper(store, { plugin: PLUGIN, keys: KEPT, toLink, fromLink, entryOf, follow }).start();

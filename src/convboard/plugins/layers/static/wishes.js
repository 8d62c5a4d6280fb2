/** What a link asked for and the run has not: a sentence that says what is shown instead. */

import { el } from "./dom.js";
import { plural, whole } from "./format.js";
import { isWithin } from "./values.js";

/**
 * Say what a link has asked for in vain, once what it asks for is shown, and let go of a unit that is not there.
 * @param {Object} wanted From the link.
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {() => Promise<void>} refreshScene
 */
export async function compareWith(wanted, store, refreshScene) {
  // Twice: the first time may find that there is no such image, and choose another.
  for (let i = 0; i < 2 && !isShown(store.get()); i++) await refreshScene();
  const { scene, unit } = store.get();
  if (!isShown(store.get())) return; // something else was chosen meanwhile, or nothing can be shown
  if (unit && !scene.problem && !isWithin(unit, scene.output)) store.set({ unit: null });
  store.set({ unmet: unmet(wanted, store.get()) });
}

const isShown = ({ scene, layer, shownStep, image }) =>
  scene?.row.name === layer && scene.step === shownStep && scene.image === image;

/**
 * @param {{layer: ?string, step: ?number, image: number, unit: ?Object, unread: string[]}} wanted From a link.
 * @param {Object} state Of the tab, once it shows what it can of that.
 * @returns {string} Empty where all is there.
 */
function unmet(wanted, state) {
  const { record, scene, steps } = state;
  if (!record || !scene) return ""; // the whole page says what is missing then
  const row = record.byName.get(state.layer);
  const images = scene.probe?.arrays.images.shape[0] ?? 0;
  const isOther = wanted.layer && !record.byName.has(wanted.layer);
  const missing = [
    ...(wanted.unread ?? []).map((part) => `${part}, which cannot be read`),
    isOther
      ? `layer ${wanted.layer}, which ${record.name} does not have: ${row.kind === "input" ? "the image" : row.name} is shown`
      : null,
    wanted.step !== null && !steps.includes(wanted.step)
      ? `step ${whole(wanted.step)}, of which there are no pictures: step ${whole(state.shownStep)} is shown`
      : null,
    images && wanted.image >= images
      ? `probe image ${wanted.image + 1}, of ${plural(images, "image")}: the first is shown`
      : null,
    wanted.unit && !isOther && !state.unit
      ? `${unitName(wanted.unit, row)}, which is not among the numbers of ${row.name}: no unit is pinned`
      : null,
  ].filter(Boolean);
  return missing.length ? `The link asks for ${missing.join("; and for ")}.` : "";
}

const unitName = ({ channel, row, column }, { output_shape: shape }) =>
  shape.length === 1 ? `unit ${channel}` : `the unit at row ${row}, column ${column} of map ${channel}`;

/** The sentence, until it is read. */
export function wishesLine(store) {
  const text = el("span", {});
  const dismiss = el("button", { type: "button", class: "plain", onclick: () => store.set({ unmet: "" }) }, "Dismiss");
  const node = el("p", { class: "wishes", role: "status", hidden: true }, text, " ", dismiss);
  store.subscribe(["unmet"], ({ unmet: sentence }) => {
    node.hidden = !sentence;
    text.textContent = sentence;
  });
  return node;
}

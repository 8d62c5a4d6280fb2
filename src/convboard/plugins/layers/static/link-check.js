/** What a link asks for and the run does not have: a sentence that says what is shown instead. */

import { el } from "../../shared/static/dom.js";
import { plural, whole } from "../../shared/static/format.js";
import { isWithin } from "./values.js";

/**
 * Once what a link asks for is shown, say what of it is missing, and unpin a unit that the layer does not have.
 * @param {Object} wanted From the link.
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {() => Promise<void>} refreshScene
 */
export async function checkLink(wanted, store, refreshScene) {
  // Twice: the first time may find that there is no such image, and choose another.
  for (let i = 0; i < 2 && !isShown(store.get()); i++) await refreshScene();
  const { scene, unit } = store.get();
  if (!isShown(store.get())) return; // something else was chosen meanwhile, or nothing can be shown
  if (unit && !scene.problem && !isWithin(unit, scene.output)) store.set({ unit: null });
  store.set({ unmet: missingOf(wanted, store.get()) });
}

const isShown = ({ scene, layer, shownStep, image }) =>
  scene?.row.name === layer && scene.step === shownStep && scene.image === image;

/**
 * @param {{layer: ?string, step: ?number, image: number, unit: ?Object, unread: string[]}} wanted From a link.
 * @param {Object} state Of the tab, once it shows what it can of that.
 * @returns {string} What the link asks for and the run does not have; empty where it has everything.
 */
export function missingOf(wanted, state) {
  const { record, scene } = state;
  if (!record || !scene) return ""; // the whole page says what is missing then
  const unread = (wanted.unread ?? []).map((part) => `${part}, which cannot be read`);
  const missing = [...unread, missingLayer, missingStep, missingImage, missingUnit]
    .map((part) => (typeof part === "function" ? part(wanted, state) : part))
    .filter(Boolean);
  return missing.length ? `The link asks for ${missing.join("; and for ")}.` : "";
}

const lacksLayer = (wanted, record) => wanted.layer && !record.byName.has(wanted.layer);

function missingLayer(wanted, { record, layer }) {
  if (!lacksLayer(wanted, record)) return "";
  const { kind, name } = record.byName.get(layer);
  return `layer ${wanted.layer}, which ${record.name} does not have: ${kind === "input" ? "the image" : name} is shown`;
}

function missingStep(wanted, { steps, shownStep }) {
  if (wanted.step === null || steps.includes(wanted.step)) return "";
  return `step ${whole(wanted.step)}, of which there are no pictures: step ${whole(shownStep)} is shown`;
}

function missingImage(wanted, { scene }) {
  const images = scene.probe?.arrays.images.shape[0] ?? 0;
  if (!images || wanted.image < images) return "";
  return `probe image ${wanted.image + 1}, of ${plural(images, "image")}: the first is shown`;
}

function missingUnit(wanted, { record, layer, unit }) {
  if (!wanted.unit || lacksLayer(wanted, record) || unit) return "";
  const row = record.byName.get(layer);
  return `${unitName(wanted.unit, row)}, which is not among the numbers of ${row.name}: no unit is pinned`;
}

const unitName = ({ channel, row, column }, { output_shape: shape }) =>
  shape.length === 1 ? `unit ${channel}` : `the unit at row ${row}, column ${column} of map ${channel}`;

/** The sentence, until it is dismissed. */
export function linkNotice(store) {
  const text = el("span", {});
  const dismiss = el("button", { type: "button", class: "plain", onclick: () => store.set({ unmet: "" }) }, "Dismiss");
  const node = el("p", { class: "wishes", role: "status", hidden: true }, text, " ", dismiss);
  store.subscribe(["unmet"], ({ unmet: sentence }) => {
    node.hidden = !sentence;
    text.textContent = sentence;
  });
  return node;
}

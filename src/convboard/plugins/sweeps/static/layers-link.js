/** Links from a run into the Layers tab. */

import { mainWindow, writeHash } from "../../shared/static/address.js";
import { el } from "../../shared/static/dom.js";

/**
 * A link to a run in the Layers tab.
 * @param {string} run Its name.
 * @param {string} [text]
 * @param {{layer: ?string, step: ?number, image: ?number}} [at] What is shown there, as far as it is known: a layer,
 *     the global step of a picture, and a probe image.
 */
export function layersLink(run, text = "Layers", { layer = null, step = null, image = null } = {}) {
  const { pathname, search } = mainWindow().location;
  const href = `${pathname}${search}${writeHash("#layers", "layers", { run, layer, step, image })}`;
  const where = layer === null ? "this run" : `${layer} of this run`;
  const attributes = { href, target: "_top", title: `Look inside ${where} in the Layers tab` };
  const keepFromRow = (event) => event.stopPropagation();
  return el("a", { ...attributes, "data-focus": `layers ${run}`, onclick: keepFromRow }, text);
}

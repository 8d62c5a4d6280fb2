/** A thumbnail and a name for each probe image, of which one is chosen. */

import { el } from "./dom.js";
import { photo } from "./photo.js";

const SIDE = 28; // pixels of a thumbnail

/**
 * @param {ReturnType<import("./store.js").createStore>} store `image` is the index of the chosen one.
 * @param {{keys: string[], probeOf: (state: Object) => ?Object, choose: (image: number) => void}} how `probeOf` gives
 *     facts and arrays of the probe images, which depend on the `keys` of the state.
 */
export function imagePicker(store, { keys, probeOf, choose }) {
  const node = el("div", { class: "images", role: "radiogroup", "aria-label": "Probe image" });
  let drawn = null;
  const draw = (state) => {
    const probe = probeOf(state);
    const images = probe?.arrays.images;
    if (images === drawn) return;
    drawn = images;
    const names = probe?.facts.names ?? [];
    node.replaceChildren(...names.map((name, i) => button(name, images, i, choose)));
    mark(store.get());
  };
  const mark = ({ image }) => {
    [...node.children].forEach((each, i) => {
      each.setAttribute("aria-checked", i === image);
      each.tabIndex = i === image ? 0 : -1;
    });
    node.children[image]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  store.subscribe(keys, draw);
  store.subscribe(["image"], mark);
  return node;
}

function button(name, images, i, choose) {
  const said = { title: `image ${i + 1}: ${name}`, "aria-label": `Image ${i + 1}, ${name}` };
  return el(
    "button",
    { type: "button", role: "radio", ...said, onclick: () => choose(i) },
    photo(images, i, SIDE),
    el("span", {}, name),
  );
}

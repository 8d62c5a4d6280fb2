/** A list of options to choose one from. */

import { el } from "../../shared/static/dom.js";

/**
 * @param {string} label
 * @param {(value: string) => void} take Called with the value of the chosen option.
 * @returns {{node: HTMLElement, update: (options: [string, string][], chosen: string) => void}} `update` draws the
 *     options, each a value and its text, unless they are there: a list that is open stays open.
 */
export function selectList(label, take) {
  const node = el("select", { "aria-label": label, onchange: () => take(node.value) });
  let listed = "";
  const update = (options, chosen) => {
    const wanted = JSON.stringify(options);
    if (wanted !== listed) node.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
    listed = wanted;
    node.value = chosen;
  };
  return { node, update };
}

/** How much each key matters for the objective, as bars. */

import { el } from "../../shared/static/dom.js";
import { share } from "../../shared/static/format.js";

const NOTHING = "It is known as soon as enough settings with different values have finished.";

/** Draws the shares of the keys. */
export function importanceBars() {
  const body = el("div", { class: "bars" });
  const node = el(
    "section",
    { class: "importance", "aria-label": "Importance of the keys" },
    el("header", {}, el("h3", {}, "Importance")),
    body,
  );
  const say = (text) => el("p", { class: "quiet" }, text);

  function draw({ importance, table: { keys } }) {
    if (!importance) return body.replaceChildren(say("Computing …"));
    const { shares, method, reason } = importance;
    const known = Object.entries(shares).toSorted((a, b) => b[1] - a[1]);
    if (!known.length) return body.replaceChildren(say(reason || NOTHING));
    const unknown = keys.filter((key) => !(key in shares));
    return body.replaceChildren(
      el("div", { role: "list" }, known.map(bar)),
      say(`Share of the variance between settings that each key explains alone, by ${method}.`),
      unknown.length ? say(`Too few settings have the same ${unknown.join(", ")}.`) : "",
    );
  }
  return { node, draw };
}

const bar = ([key, part]) =>
  el(
    "div",
    { class: "bar", role: "listitem" },
    el("span", { class: "key", title: key }, key),
    el("span", { class: "number" }, share(part)),
    el("span", { class: "whole" }, el("i", { style: { width: `${100 * part}%` } })),
  );

/** How much each key matters for the objective, as bars. */

import { el } from "../../shared/static/dom.js";
import { share } from "../../shared/static/format.js";

const NOTHING = "It is known as soon as enough settings with different values have finished.";

/** Draws the shares of a table. */
export function importanceBars() {
  const body = el("div", { class: "bars" });
  const node = el(
    "section",
    { class: "importance", "aria-label": "Importance of the keys" },
    el("header", {}, el("h3", {}, "Importance")),
    body,
  );

  function draw({ importance, keys }) {
    const shares = Object.entries(importance);
    if (!shares.length) {
      body.replaceChildren(el("p", { class: "quiet" }, NOTHING));
      return;
    }
    const lines = shares.map(([key, part]) =>
      el(
        "div",
        { class: "bar", role: "listitem" },
        el("span", { class: "key", title: key }, key),
        el("span", { class: "number" }, share(part)),
        el("span", { class: "whole" }, el("i", { style: { width: `${100 * part}%` } })),
      ),
    );
    const unknown = keys.filter((key) => !(key in importance));
    body.replaceChildren(
      el("div", { role: "list" }, lines),
      el("p", { class: "quiet" }, "Share of the variance between settings that each key explains alone."),
      unknown.length ? el("p", { class: "quiet" }, `Too few settings have the same ${unknown.join(", ")}.`) : "",
    );
  }
  return { node, draw };
}

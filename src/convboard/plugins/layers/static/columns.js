/** Sections of the layer panel with a column for each run that is shown. */

import { el } from "../../shared/static/dom.js";

/**
 * @param {{scenes: Object[], names: string[]}} context The scenes that are shown and the names of their runs.
 * @param {(scene: Object, index: number) => (Node|string|null)[]} part The content of a column.
 */
export function columns({ scenes, names }, part) {
  const isTwo = scenes.length > 1;
  const title = (i) => el("h4", { title: names[i] }, el("b", {}, "AB"[i]), el("span", {}, el("bdi", {}, names[i])));
  return el(
    "div",
    { class: isTwo ? "two" : "one" },
    scenes.map((scene, i) => el("div", { "data-run": names[i] }, isTwo ? title(i) : null, part(scene, i))),
  );
}

/** The header of a section: its title, a note, and its colour scale. */
export function heading(title, more = "", scale = null) {
  return el("header", {}, el("div", {}, el("h3", {}, title), el("span", { class: "quiet" }, more)), scale);
}

/** The note of the heading for another run, in its own column, where it differs from that for the first run. */
export function ownLine(describe, scene, first) {
  const own = describe(scene);
  return scene !== first && own && own !== describe(first) ? el("p", { class: "quiet own" }, own) : null;
}

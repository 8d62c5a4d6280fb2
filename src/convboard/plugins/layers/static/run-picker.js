/** Choose a run among hundreds: a field that filters a list as one types. */

import { el } from "./dom.js";

const SHOWN = 100; // entries drawn at once, around the chosen one; typing finds the others
let pickers = 0;

/**
 * @param {{label: string, none: ?string, choose: (run: ?string) => void}} how `none`: what "no run" is called, where
 *     that can be chosen.
 * @returns {{node: HTMLElement, update: (runs: string[], chosen: ?string) => void}}
 */
export function runPicker({ label, none, choose }) {
  const id = `runs-${(pickers += 1)}`;
  const list = el("ul", { class: "options", role: "listbox", id, "aria-label": label, hidden: true });
  const input = el("input", {
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: none ?? "find a run",
  });
  const folder = el("span", {});
  let runs = [];
  let chosen = null;
  let entries = [];
  let active = 0;

  const matching = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return runs.filter((run) => words.every((word) => run.toLowerCase().includes(word)));
  };
  const show = (text) => {
    const found = matching(text);
    const first = Math.max(0, Math.min(found.indexOf(chosen) - SHOWN / 2, found.length - SHOWN));
    entries = [...(none && !text ? [null] : []), ...found.slice(first, first + SHOWN)];
    active = Math.max(0, entries.indexOf(chosen));
    list.replaceChildren(
      ...entries.map((run, i) => option(run, i)),
      ...(found.length > SHOWN
        ? [el("li", { class: "quiet more" }, `${found.length - SHOWN} more: type to find them`)]
        : []),
      ...(entries.length ? [] : [el("li", { class: "quiet more" }, "No run of that name.")]),
    );
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    highlight();
  };
  const option = (run, i) =>
    el(
      "li",
      {
        role: "option",
        id: `${id}-${i}`,
        title: run ?? none,
        "data-run": run ?? "",
        onpointerdown: (event) => {
          event.preventDefault(); // the field keeps the focus until the choice is made
          take(i);
        },
      },
      run ? named(run) : none,
    );
  const named = (run) => {
    const end = run.lastIndexOf("/") + 1;
    return [el("span", { class: "quiet" }, run.slice(0, end)), el("b", {}, run.slice(end))];
  };
  const highlight = () => {
    [...list.children].forEach((node, i) => node.setAttribute("aria-selected", i === active && i < entries.length));
    list.children[active]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `${id}-${active}`);
  };
  const hide = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    // The field has room for the last part of a run's path; the rest stands above it.
    const end = (chosen ?? "").lastIndexOf("/");
    input.value = (chosen ?? "").slice(end + 1);
    folder.textContent = end > 0 ? ` · ${chosen.slice(0, end)}` : "";
  };
  const take = (i) => {
    if (i < entries.length) {
      chosen = entries[i];
      choose(chosen);
    }
    input.blur();
  };
  input.addEventListener("focus", () => {
    input.value = "";
    input.placeholder = chosen ?? none ?? "find a run";
    show("");
  });
  input.addEventListener("blur", hide);
  input.addEventListener("input", () => show(input.value.trim()));
  input.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (move) {
      active = Math.min(entries.length - 1, Math.max(0, active + move));
      highlight();
    } else if (event.key === "Enter") take(active);
    else if (event.key === "Escape") input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    node: el("div", { class: "picker" }, el("label", { class: "quiet" }, label, folder), input, list),
    update(names, name) {
      runs = names;
      chosen = name;
      input.title = name ?? none ?? "";
      if (document.activeElement !== input) hide();
    },
  };
}

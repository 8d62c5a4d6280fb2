/** Choose a run among hundreds: a field that filters a list as one types. */

import { el } from "./dom.js";

const SHOWN = 100; // entries drawn at once, around the chosen one; typing finds the others
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
let pickers = 0;

/** The runs whose names have all words of `text`, in any order and case. */
export function matching(runs, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => words.every((word) => run.toLowerCase().includes(word)));
}

export class RunPicker {
  #runs = [];
  #chosen = null;
  #entries = []; // runs in the list; null is "no run"
  #active = 0; // index of the highlighted entry

  /**
   * @param {{label: string, none: ?string, choose: (run: ?string) => void}} how `none`: what "no run" is called, where
   *     that can be chosen.
   */
  constructor({ label, none, choose }) {
    pickers += 1;
    this.id = `runs-${pickers}`;
    this.none = none;
    this.choose = choose;
    this.list = el("ul", { class: "options", role: "listbox", id: this.id, "aria-label": label, hidden: true });
    this.input = this.#field(label);
    this.folder = el("span", {});
    const title = el("label", { class: "quiet" }, label, this.folder);
    this.node = el("div", { class: "picker" }, title, this.input, this.list);
  }

  /**
   * @param {string[]} runs All that can be chosen.
   * @param {?string} chosen
   */
  update(runs, chosen) {
    this.#runs = runs;
    this.#chosen = chosen;
    this.input.title = chosen ?? this.none ?? "";
    if (document.activeElement !== this.input) this.#hide();
  }

  #field(label) {
    const input = el("input", {
      type: "text",
      role: "combobox",
      "aria-label": label,
      "aria-expanded": "false",
      "aria-controls": this.id,
      "aria-autocomplete": "list",
      spellcheck: "false",
      autocomplete: "off",
      placeholder: this.none ?? "find a run",
    });
    input.addEventListener("focus", () => {
      input.value = "";
      input.placeholder = this.#chosen ?? this.none ?? "find a run";
      this.#show("");
    });
    input.addEventListener("blur", () => this.#hide());
    input.addEventListener("input", () => this.#show(input.value.trim()));
    input.addEventListener("keydown", (event) => this.#onKey(event));
    return input;
  }

  #onKey(event) {
    const move = MOVES[event.key];
    if (move) {
      this.#active = Math.min(this.#entries.length - 1, Math.max(0, this.#active + move));
      this.#highlight();
    } else if (event.key === "Enter") this.#take(this.#active);
    else if (event.key === "Escape") this.input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #show(text) {
    const found = matching(this.#runs, text);
    const middle = found.indexOf(this.#chosen) - SHOWN / 2;
    const first = Math.max(0, Math.min(middle, found.length - SHOWN));
    this.#entries = [...(this.none && !text ? [null] : []), ...found.slice(first, first + SHOWN)];
    this.#active = Math.max(0, this.#entries.indexOf(this.#chosen));
    const more = found.length > SHOWN ? `${found.length - SHOWN} more: type to find them` : "";
    const note = this.#entries.length ? more : "No run of that name.";
    this.list.replaceChildren(
      ...this.#entries.map((run, i) => this.#option(run, i)),
      ...(note ? [el("li", { class: "quiet more" }, note)] : []),
    );
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#highlight();
  }

  #option(run, i) {
    const take = (event) => {
      event.preventDefault(); // the field keeps the focus until the choice is made
      this.#take(i);
    };
    const attributes = { role: "option", id: `${this.id}-${i}`, title: run ?? this.none, "data-run": run ?? "" };
    return el("li", { ...attributes, onpointerdown: take }, run ? nameOf(run) : this.none);
  }

  #highlight() {
    [...this.list.children].forEach((node, i) => {
      node.setAttribute("aria-selected", i === this.#active && i < this.#entries.length);
    });
    this.list.children[this.#active]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `${this.id}-${this.#active}`);
  }

  #hide() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    // The field has room for the last part of a run's path; the rest stands above it.
    const name = this.#chosen ?? "";
    const end = name.lastIndexOf("/");
    this.input.value = name.slice(end + 1);
    this.folder.textContent = end > 0 ? ` · ${name.slice(0, end)}` : "";
  }

  #take(i) {
    if (i < this.#entries.length) {
      this.#chosen = this.#entries[i];
      this.choose(this.#chosen);
    }
    this.input.blur();
  }
}

/** A run's path, its last part in bold. */
function nameOf(run) {
  const end = run.lastIndexOf("/") + 1;
  return [el("span", { class: "quiet" }, run.slice(0, end)), el("b", {}, run.slice(end))];
}

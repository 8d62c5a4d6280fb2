/** Choose a run among hundreds: a field that filters a list as one types. */

import { el } from "./dom.js";

const SHOWN = 100; // entries drawn at once, around the chosen one; typing finds the others
const USUAL_STATE = "finished"; // needs no word where there is little room
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
let pickers = 0;

/**
 * @typedef {{name: string, about: string[], state: string}} Run `about`: what tells it from others, in a few words, of
 *     which one may be `state`.
 */

/**
 * The runs whose names and descriptions have all words of `text`, in any order and case.
 * @param {Run[]} runs
 */
export function matching(runs, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const textOf = ({ name, about }) => [name, ...about].join(" ").toLowerCase();
  return runs.filter((run) => words.every((word) => textOf(run).includes(word)));
}

export class RunPicker {
  #runs = [];
  #chosen = null;
  #entries = []; // runs in the list; null is "no run"
  #names = []; // of the runs in the list
  #active = 0; // index of the highlighted entry

  /**
   * @param {{label: string, none: ?string, choose: (run: ?string) => void, noun: string}} how `none`: what "no run" is
   *     called, where that can be chosen; `noun`: what is chosen from.
   */
  constructor({ label, none, choose, noun = "run" }) {
    pickers += 1;
    this.id = `runs-${pickers}`;
    this.none = none;
    this.noun = noun;
    this.choose = choose;
    this.list = el("ul", { class: "options", role: "listbox", id: this.id, "aria-label": label, hidden: true });
    this.input = this.#field(label);
    this.summary = el("span", {});
    const title = el("label", { class: "quiet" }, label, this.summary);
    this.node = el("div", { class: "picker" }, title, this.input, this.list);
  }

  /**
   * @param {Run[]} runs All that can be chosen.
   * @param {?string} chosen
   */
  update(runs, chosen) {
    this.#runs = runs;
    this.#chosen = chosen;
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
      placeholder: this.none ?? `find a ${this.noun}`,
    });
    input.addEventListener("focus", () => {
      input.value = "";
      input.placeholder = this.#chosen ?? this.none ?? `find a ${this.noun}`;
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
    const middle = found.findIndex(({ name }) => name === this.#chosen) - SHOWN / 2;
    const first = Math.max(0, Math.min(middle, found.length - SHOWN));
    this.#entries = [...(this.none && !text ? [null] : []), ...found.slice(first, first + SHOWN)];
    this.#names = this.#entries.map((run) => run?.name ?? null);
    this.#active = Math.max(0, this.#names.indexOf(this.#chosen));
    const more = found.length > SHOWN ? `${found.length - SHOWN} more: type to find them` : "";
    const note = this.#entries.length ? more : `No ${this.noun} of that name.`;
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
    const attributes = { role: "option", id: `${this.id}-${i}`, "data-run": run?.name ?? "" };
    return el("li", { ...attributes, onpointerdown: take }, run ? describe(run) : this.none);
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
    // The field has room for the last part of a run's path; what tells it from others stands above it.
    const name = this.#chosen ?? "";
    this.input.value = name.slice(name.lastIndexOf("/") + 1);
    const chosen = this.#runs.find((run) => run.name === name);
    const unusual = chosen?.about.filter((word) => word !== USUAL_STATE) ?? [];
    this.summary.textContent = unusual.length ? ` · ${unusual.join(" · ")}` : "";
    this.input.title = [name || this.none, ...(chosen?.about ?? [])].filter(Boolean).join("\n");
  }

  #take(i) {
    if (i < this.#entries.length) {
      this.#chosen = this.#names[i];
      this.choose(this.#chosen);
    }
    this.input.blur();
  }
}

/** A run's path, its last part in bold, and below it what is known of the run. */
function describe({ name, about, state }) {
  const end = name.lastIndexOf("/") + 1;
  const words = about.map((word, i) => [
    i ? " · " : "",
    el("span", { class: word === state ? `is-${state}` : null }, word),
  ]);
  return [
    el("div", {}, el("span", { class: "quiet" }, name.slice(0, end)), el("b", {}, name.slice(end))),
    el("div", { class: "quiet about-run" }, words),
  ];
}

/** What is chosen, as a part of TensorBoard's address: read from it, written to it, and kept the same. */

import { mainWindow, readHash, writeHash } from "../../shared/static/address.js";

const PLUGIN = "layers";
const WAIT_MS = 250; // browsers refuse more than a few hundred changes of the address a minute
const KEPT = ["run", "compare", "layer", "image", "unit", "view", "shownStep", "loading"];

const wholeNumber = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);

/** What the present link asks for. */
export const presentLink = () => fromLink(readHash(mainWindow().location.hash, PLUGIN));

/**
 * What is chosen, from the tab's part of a link; `unread` lists the parts that cannot be parsed.
 * @param {Object<string, string>} values
 */
export function fromLink(values) {
  const unit = /^(\d+),(\d+),(\d+)$/.exec(values.unit ?? "");
  const found = {
    run: values.run || null,
    compare: values.compare || null,
    layer: values.layer || null,
    image: wholeNumber(values.image),
    step: wholeNumber(values.step),
    unit: unit && { channel: Number(unit[1]), row: Number(unit[2]), column: Number(unit[3]) },
    view: ["inside", "health"].includes(values.view) ? values.view : null,
  };
  const unread = ["step", "image", "unit", "view"].filter((name) => values[name] && found[name] === null);
  return {
    ...found,
    image: found.image ?? 0,
    view: found.view ?? "inside",
    unread: unread.map((name) => `${name}=${values[name]}`),
  };
}

/** The inverse of `fromLink`: the tab's part of a link to what a state shows. */
export function toLink(state) {
  const { unit } = state;
  return {
    run: state.run,
    compare: state.compare,
    layer: state.layer,
    image: state.image,
    step: state.shownStep ?? state.step, // of a run that is not there, the step that was asked for
    unit: unit && `${unit.channel},${unit.row},${unit.column}`,
    view: state.view === "health" ? "health" : null,
  };
}

/** What the browser's Back button leaves. A change of epoch, image or unit is no entry of its own. */
const entryOf = ({ run, compare, layer, view }) =>
  JSON.stringify([run, compare, layer, view].map((value) => value ?? null));

/**
 * Keep the link and the store the same: another run, layer or view makes a new entry in the browser's history, any
 * other change replaces the present entry.
 */
export class LinkKeeper {
  #timer = null; // of the next write
  #following = 0; // links that are being followed

  /**
   * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
   * @param {(chosen: Object) => Promise<void>} follow Called with what a changed link asks for.
   */
  constructor(store, follow) {
    this.store = store;
    this.follow = follow;
    this.main = mainWindow();
    this.latest = toLink(store.get()); // what is to be in the link
    this.entry = entryOf(this.latest); // the present entry of the history
  }

  start() {
    const followLink = () => this.#followLink();
    this.store.subscribe(KEPT, (state) => this.#update(state));
    this.main.addEventListener("hashchange", followLink);
    window.addEventListener("pagehide", () => this.main.removeEventListener("hashchange", followLink));
    this.#writeLater();
  }

  #isElsewhere() {
    return this.main !== window && !/^#layers(&|$)/.test(this.main.location.hash); // another tab is open
  }

  #update(state) {
    if (state.loading || this.#following) return; // on the way to somewhere: this is called again at its end
    const wanted = toLink(state);
    if (entryOf(wanted) !== entryOf(this.latest)) {
      // The epoch that was chosen last is written before its entry is left.
      if (this.#timer !== null && entryOf(this.latest) === this.entry) this.#write();
      this.#cancelWrite(); // who goes through many layers makes one entry
    }
    this.latest = wanted;
    this.#writeLater();
  }

  #writeLater() {
    this.#timer ??= setTimeout(() => this.#write(), WAIT_MS);
  }

  #cancelWrite() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #write() {
    this.#timer = null;
    if (this.#isElsewhere() || this.#following) return;
    const { history, location } = this.main;
    const hash = writeHash(location.hash, PLUGIN, this.latest);
    const isNew = entryOf(this.latest) !== this.entry;
    this.entry = entryOf(this.latest);
    if (hash === location.hash) return;
    // With the state that TensorBoard's router keeps there, by which it knows its own entries.
    history[isNew ? "pushState" : "replaceState"](history.state, "", hash);
  }

  async #followLink() {
    if (this.#isElsewhere()) return;
    const values = readHash(this.main.location.hash, PLUGIN);
    if (!Object.keys(values).length) {
      this.#writeLater(); // TensorBoard came back to this tab and left the rest out
      return;
    }
    this.#cancelWrite();
    this.#following += 1;
    try {
      await this.follow(fromLink(values));
    } finally {
      this.#following -= 1;
      if (!this.#following) {
        this.latest = toLink(this.store.get());
        this.entry = entryOf(this.latest); // what is shown in place of what the link asked for is no new entry
        this.#writeLater();
      }
    }
  }
}

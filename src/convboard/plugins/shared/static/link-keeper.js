/** Keeps what a tab shows and its part of TensorBoard's address the same. */

import { mainWindow, readHash, writeHash } from "./address.js";

const WAIT_MS = 250; // browsers refuse more than a few hundred changes of the address a minute

/**
 * A link as a tab understands it.
 * @typedef {Object} LinkRules
 * @property {string} plugin Such as `layers`.
 * @property {string[]} keys Keys of the state on which the link depends, with `loading`.
 * @property {(state: Object) => Object} toLink The tab's part of a link to what a state shows.
 * @property {(values: Object<string, string>) => Object} fromLink Its inverse: what a link asks for.
 * @property {(values: Object) => string} entryOf What of a link makes an entry of the browser's history.
 * @property {(chosen: Object) => Promise<void>} follow Called with what a changed link asks for.
 */

/**
 * Keeps the link and the store the same. Where `entryOf` gives something new, the browser's history gets a new entry;
 * any other change replaces the present entry.
 */
export class LinkKeeper {
  #timer = null; // of the next write
  #following = 0; // links that are being followed

  /**
   * @param {ReturnType<import("./store.js").createStore>} store
   * @param {LinkRules} rules
   */
  constructor(store, rules) {
    this.store = store;
    this.rules = rules;
    this.main = mainWindow();
    this.latest = rules.toLink(store.get()); // what is to be in the link
    this.entry = rules.entryOf(this.latest); // the present entry of the history
  }

  start() {
    const followLink = () => this.#followLink();
    this.store.subscribe(this.rules.keys, (state) => this.#update(state));
    this.main.addEventListener("hashchange", followLink);
    window.addEventListener("pagehide", () => this.main.removeEventListener("hashchange", followLink));
    this.#writeLater();
  }

  #isElsewhere() {
    const tab = this.main.location.hash.slice(1).split("&")[0];
    return this.main !== window && tab !== this.rules.plugin; // another tab is open
  }

  #update(state) {
    if (state.loading || this.#following) return; // on the way to somewhere: this is called again at its end
    const wanted = this.rules.toLink(state);
    if (this.rules.entryOf(wanted) !== this.rules.entryOf(this.latest)) {
      // The epoch that was chosen last is written before its entry is left.
      if (this.#timer !== null && this.rules.entryOf(this.latest) === this.entry) this.#write();
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
    const hash = writeHash(location.hash, this.rules.plugin, this.latest);
    const isNew = this.rules.entryOf(this.latest) !== this.entry;
    this.entry = this.rules.entryOf(this.latest);
    if (hash === location.hash) return;
    // With the state that TensorBoard's router keeps there, by which it knows its own entries.
    history[isNew ? "pushState" : "replaceState"](history.state, "", hash);
  }

  async #followLink() {
    if (this.#isElsewhere()) return;
    const values = readHash(this.main.location.hash, this.rules.plugin);
    if (!Object.keys(values).length) {
      this.#writeLater(); // TensorBoard came back to this tab and left the rest out
      return;
    }
    this.#cancelWrite();
    this.#following += 1;
    try {
      await this.rules.follow(this.rules.fromLink(values));
    } finally {
      this.#following -= 1;
      if (!this.#following) {
        this.latest = this.rules.toLink(this.store.get());
        // What is shown in place of what the link asked for is no new entry.
        this.entry = this.rules.entryOf(this.latest);
        this.#writeLater();
      }
    }
  }
}

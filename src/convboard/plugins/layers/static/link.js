/**
 * What is chosen, in TensorBoard's own link: `#layers&p.layers.run=…&p.layers.layer=conv1`.
 *
 * TensorBoard keeps `p.<plugin>.<key>` when it routes. The tab lives in an iframe of the same origin, so it reads and
 * writes the main window's address; alone in a window (without TensorBoard) it uses its own.
 */

const PREFIX = "p.layers.";
const WAIT_MS = 250; // browsers refuse more than a few hundred changes of the address a minute

/** The window whose address holds the link. */
export function mainWindow() {
  try {
    return window.parent.location.hash === undefined ? window : window.parent;
  } catch {
    return window; // a parent of another origin
  }
}

/**
 * @param {string} hash Such as `#layers&p.layers.run=a`.
 * @returns {Object<string, string>} The tab's own part.
 */
export function readHash(hash) {
  const found = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name, value] = part.split("=");
    if (value === undefined || !name.startsWith(PREFIX)) continue;
    try {
      found[name.slice(PREFIX.length)] = decodeURIComponent(value);
    } catch {
      // half a percent sign: somebody's typing, worth nothing
    }
  }
  return found;
}

/** `hash` with the tab's own part replaced by `values`; null and empty ones are left out. */
export function writeHash(hash, values) {
  const others = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part && !part.startsWith(PREFIX));
  const own = Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${PREFIX}${name}=${encodeURIComponent(value)}`);
  return `#${[...others, ...own].join("&")}`;
}

/**
 * What is chosen, from the tab's part of a link; `unread` has the parts that nobody can read.
 * @param {Object<string, string>} values
 */
export function fromLink(values) {
  const number = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);
  const unit = /^(\d+),(\d+),(\d+)$/.exec(values.unit ?? "");
  const found = {
    run: values.run || null,
    compare: values.compare || null,
    layer: values.layer || null,
    image: number(values.image),
    step: number(values.step),
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

function toLink(state) {
  const { unit } = state;
  return {
    run: state.run,
    compare: state.compare,
    layer: state.layer,
    image: state.image,
    step: state.shownStep ?? state.step, // of a run that is not there, what was asked for
    unit: unit && `${unit.channel},${unit.row},${unit.column}`,
    view: state.view === "health" ? "health" : null,
  };
}

/** Where one is: what the browser's Back button leaves. Epochs, images and units are passed through there. */
const placeOf = ({ run, compare, layer, view }) =>
  JSON.stringify([run, compare, layer, view].map((value) => value ?? null));

/**
 * Keep the link and the store alike: another run, layer or view is a new entry in the browser's history, all else
 * replaces the one that there is.
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {(chosen: Object) => Promise<void>} follow Called with what a changed link asks for.
 */
export function keepLink(store, follow) {
  const main = mainWindow();
  let timer = null;
  let latest = toLink(store.get()); // what is to be in the link
  let place = placeOf(latest); // of the history's present entry
  let following = 0;
  const isElsewhere = () => main !== window && !/^#layers(&|$)/.test(main.location.hash); // another tab is open

  const write = () => {
    timer = null;
    if (isElsewhere() || following) return;
    const hash = writeHash(main.location.hash, latest);
    const isNew = placeOf(latest) !== place;
    place = placeOf(latest);
    if (hash === main.location.hash) return;
    // With the state that TensorBoard's router keeps there, by which it knows its own.
    main.history[isNew ? "pushState" : "replaceState"](main.history.state, "", hash);
  };
  const later = () => {
    timer ??= setTimeout(write, WAIT_MS);
  };
  const changed = (state) => {
    if (state.loading || following) return; // on the way to somewhere; this is called again when it is over
    const wanted = toLink(state);
    if (placeOf(wanted) !== placeOf(latest)) {
      if (timer !== null && placeOf(latest) === place) write(); // the epoch that was chosen last, before one leaves it
      clearTimeout(timer); // those who run through many layers come to one
      timer = null;
    }
    latest = wanted;
    later();
  };
  store.subscribe(["run", "compare", "layer", "image", "unit", "view", "shownStep", "loading"], changed);

  const followLink = async () => {
    if (isElsewhere()) return;
    const values = readHash(main.location.hash);
    if (!Object.keys(values).length) return later(); // TensorBoard came back to this tab and left the rest out
    const chosen = fromLink(values);
    clearTimeout(timer);
    timer = null;
    following += 1;
    try {
      await follow(chosen);
    } finally {
      following -= 1;
      if (!following) {
        latest = toLink(store.get());
        place = placeOf(latest); // what is shown in place of what the link asked for is no other entry
        later();
      }
    }
    return undefined;
  };
  main.addEventListener("hashchange", followLink);
  later();
  window.addEventListener("pagehide", () => main.removeEventListener("hashchange", followLink));
}

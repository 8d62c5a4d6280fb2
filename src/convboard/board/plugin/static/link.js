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

/** What is chosen, from the tab's part of a link. */
export function fromLink(values) {
  const number = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : null);
  const unit = /^(\d+),(\d+),(\d+)$/.exec(values.unit ?? "");
  return {
    run: values.run || null,
    compare: values.compare || null,
    layer: values.layer || null,
    image: number(values.image) ?? 0,
    step: number(values.step),
    unit: unit && { channel: Number(unit[1]), row: Number(unit[2]), column: Number(unit[3]) },
    view: values.view === "health" ? "health" : "inside",
  };
}

function toLink(state, step) {
  const { unit } = state;
  return {
    run: state.run,
    compare: state.compare,
    layer: state.layer,
    image: state.image,
    step,
    unit: unit && `${unit.channel},${unit.row},${unit.column}`,
    view: state.view === "health" ? "health" : null,
  };
}

/**
 * Keep the link and the store alike.
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {(state: Object) => number|null} stepOf The step that is shown.
 * @param {(chosen: Object) => void} follow Called with what a changed link asks for.
 */
export function keepLink(store, stepOf, follow) {
  const main = mainWindow();
  let timer = null;
  const write = () => {
    timer = null;
    if (main !== window && !main.location.hash.startsWith("#layers")) return; // another tab is open
    const hash = writeHash(main.location.hash, toLink(store.get(), stepOf(store.get())));
    if (hash !== main.location.hash) main.history.replaceState(main.history.state, "", hash);
  };
  const later = () => {
    timer ??= setTimeout(write, WAIT_MS);
  };
  store.subscribe(["run", "compare", "layer", "image", "step", "unit", "view", "steps"], later);
  const changed = () => {
    const values = readHash(main.location.hash);
    if (Object.keys(values).length) follow(fromLink(values));
    else later(); // TensorBoard came back to this tab and left the rest out
  };
  main.addEventListener("hashchange", changed);
  later();
  window.addEventListener("pagehide", () => main.removeEventListener("hashchange", changed));
}

/**
 * A tab's own part of TensorBoard's address, such as `#layers&p.layers.run=…&p.layers.layer=conv1`.
 *
 * TensorBoard keeps `p.<plugin>.<key>` when it routes. A tab lives in an iframe of the same origin, so it reads and
 * writes the main window's address; alone in a window (without TensorBoard) it uses its own.
 */

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
 * @param {string} plugin Such as `layers`.
 * @returns {Object<string, string>} The plugin's own part. Values that cannot be decoded are left out.
 */
export function readHash(hash, plugin) {
  const prefix = `p.${plugin}.`;
  const found = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name, value] = part.split("=");
    if (value === undefined || !name.startsWith(prefix)) continue;
    try {
      found[name.slice(prefix.length)] = decodeURIComponent(value);
    } catch {
      // an incomplete percent escape, typed by hand
    }
  }
  return found;
}

/** `hash` with the plugin's own part replaced by `values`. Null and empty values are left out. */
export function writeHash(hash, plugin, values) {
  const prefix = `p.${plugin}.`;
  const others = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part && !part.startsWith(prefix));
  const own = Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${prefix}${name}=${encodeURIComponent(value)}`);
  return `#${[...others, ...own].join("&")}`;
}

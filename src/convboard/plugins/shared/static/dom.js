/** Creates elements. Text is always a text node: no data is ever parsed as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @param {string} tag
 * @param {Object<string, any>} [attributes] `class`, `data-…`, `aria-…` and the like; `on…` functions become
 *     listeners, `style` may be an object; null and undefined leave an attribute out, and so does false, but for
 *     `aria-…`, where it is a value.
 * @param {...(Node|string|number|null)} children Strings become text.
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") setStyle(node, value);
    else node.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setStyle(node, style) {
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
}

/**
 * Draw the children of a node anew. A child that would look the same stays, and with it a click, the focus or a
 * selection in it; so what a listener acts on must be seen in a text or an attribute. A control that is replaced while
 * it has the focus gives it to the new one with its `data-focus`.
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} nodes What its children are to be.
 * @returns {HTMLElement[]} What they are.
 */
export function redraw(parent, nodes) {
  const { activeElement } = document;
  const name = parent.contains(activeElement) ? activeElement.dataset.focus : undefined;
  const before = [...parent.children];
  const children = nodes.map((node) => {
    const i = before.findIndex((child) => child.isEqualNode(node));
    return i < 0 ? node : before.splice(i, 1)[0];
  });
  for (const child of before) child.remove();
  children.forEach(
    (child, i) => child === parent.children[i] || parent.insertBefore(child, parent.children[i] ?? null),
  );
  if (name && !parent.contains(document.activeElement)) focusOn(parent, name);
  return children;
}

/** Give the focus to the control with a `data-focus`, if there is one. */
export const focusOn = (parent, name) =>
  parent.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });

/** Put a `width`×`height` box at (`x`, `y`), or hide it where there is none. */
export function place(node, box) {
  node.hidden = !box;
  if (!box) return;
  node.style.transform = `translate(${box.x}px, ${box.y}px)`;
  node.style.width = `${box.width}px`;
  node.style.height = `${box.height}px`;
}

/** Call `draw` at most once a frame, however often it is asked for. */
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** As much of a document as `dom.js` needs, for tests of what elements say. */

class FakeNode {
  constructor(tag) {
    this.tag = tag;
    this.attributes = {};
    this.children = [];
    this.listeners = {};
    this.style = { setProperty: (name, value) => (this.style[name] = value) };
  }

  append(...children) {
    this.children.push(...children);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  get textContent() {
    return this.children.map((child) => child.textContent ?? String(child)).join("");
  }
}

/** Put the fake in the place of `document` for all tests of a file. */
export function useFakeDocument() {
  globalThis.document = {
    createElement: (tag) => new FakeNode(tag),
    createElementNS: (_space, tag) => new FakeNode(tag),
  };
}

/** All nodes of a tag below a node. */
export function find(node, tag) {
  return node.children.flatMap((child) =>
    child.children ? [...(child.tag === tag ? [child] : []), ...find(child, tag)] : [],
  );
}

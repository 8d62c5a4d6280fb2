/** The blocks of a network, modules with layers inside; and its graph while some of them are collapsed. Pure. */

const MOST_CARDS = 40; // that are shown at first

/**
 * The paths of the blocks around a row, from the outermost to the innermost: "layer1" and "layer1.0" of
 * "layer1.0.conv1", and of "layer1.0 (own parameters)".
 */
export function ancestorsOf(name) {
  const parts = name.replace(" (own parameters)", ".").split(".");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("."));
}

/**
 * @param {Object[]} rows Of a record, also those that were not called.
 * @param {Object<string, string>} [types] The class of each block; earlier records do not say.
 * @returns {Map<string, {path: string, type: string, parameters: number, macs: number}>} By path, with the sums.
 */
export function blocksOf(rows, types = {}) {
  const blocks = new Map();
  for (const row of rows) {
    for (const path of ancestorsOf(row.name)) {
      const block = blocks.get(path) ?? { path, type: types[path] ?? "", parameters: 0, macs: 0 };
      addTo(block, row);
      blocks.set(path, block);
    }
  }
  return blocks;
}

function addTo(sums, { parameters, macs }) {
  sums.parameters += parameters ?? 0;
  sums.macs += macs ?? 0;
}

/**
 * The nodes that are shown in the place of a record's rows: one for each row, or for consecutive rows in a collapsed
 * block, such as `layer1` or, for its second call, `layer1:2`.
 * @param {{rows: Object[], uncalled: Object[]}} record
 * @param {Set<string>} collapsed Paths of blocks.
 * @returns {Object[]} As rows; `members` are the names of the rows that a node stands for. That of a block has `block`,
 *     its path, and as `output` the name of its last row.
 */
export function nodesOf(record, collapsed) {
  const nodes = [];
  const nodeOf = new Map(); // name of a row to its node
  const calls = new Map(); // path of a block to the number of its nodes
  const outermost = (name) => ancestorsOf(name).find((path) => collapsed.has(path)) ?? null;
  for (const row of record.rows) {
    const block = outermost(row.name);
    let node = nodes.at(-1);
    if (block === null || node?.block !== block) {
      node = block === null ? { ...row, members: [] } : newBlock(block, row, record, calls);
      nodes.push(node);
    }
    node.members.push(row.name);
    nodeOf.set(row.name, node);
    if (block !== null) {
      addTo(node, row);
      Object.assign(node, { output: row.name, output_shape: row.output_shape });
    }
  }
  for (const row of record.uncalled) {
    const block = outermost(row.name);
    const node = block && nodes.find((one) => one.block === block);
    if (node) addTo(node, row);
  }
  for (const node of nodes) {
    const names = node.members.flatMap((name) => record.byName.get(name).inputs);
    const given = names.map((name) => nodeOf.get(name)).filter((one) => one && one !== node);
    node.inputs = node.block ? [...new Set(given)].map(({ name }) => name) : given.map(({ name }) => name);
  }
  return nodes;
}

function newBlock(path, { input_shape }, { blocks }, calls) {
  const call = (calls.get(path) ?? 0) + 1;
  calls.set(path, call);
  return {
    name: call === 1 ? path : `${path}:${call}`,
    block: path,
    kind: "block",
    type: blocks.get(path).type,
    input_shape,
    parameters: 0,
    macs: 0,
    members: [],
  };
}

/** How deep the blocks are nested. */
export const depthOf = ({ blocks }) => Math.max(0, ...[...blocks.keys()].map(levelOf));

const levelOf = (path) => path.split(".").length;

/** The blocks to collapse so that modules at this depth, and all deeper ones, are one card each; null: none. */
export const collapsedAt = ({ blocks }, depth) =>
  new Set(depth === null ? [] : [...blocks.keys()].filter((path) => levelOf(path) >= depth));

/** What is collapsed at first: as little as gives a network that can be overlooked. */
export function initiallyCollapsed(record) {
  const depths = Array.from({ length: depthOf(record) }, (_, i) => i + 1);
  const all = [null, ...depths.toReversed()].map((depth) => collapsedAt(record, depth));
  return all.find((collapsed) => nodesOf(record, collapsed).length <= MOST_CARDS) ?? all.at(-1);
}

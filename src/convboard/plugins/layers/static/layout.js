/** Positions of the network's cards and paths of its edges. Pure: from the graph to boxes and paths. */

import { ancestorsOf } from "./blocks.js";

const NAMED = new Set(["input", "convolution", "linear", "block"]);
const HEIGHTS = { solid: 50, vector: 40, small: 22, heading: 22, gap: 5 };
const LANE_GAP = 6;
const INDENT = 10; // pixels for each block around a card
const FREE_LEVELS = 2; // of blocks for which the cards beside branches have room

/**
 * @param {ReturnType<import("./record.js").graphOf>} graph Of rows, or of nodes in their place.
 * @param {{alone: number, main: number, side: number}} widths Pixels of a card: in a network without branches, and on
 *     the main path and on side paths of one with branches.
 * @returns {{cards: Object[], edges: {path: string, isSkip: boolean, right: number}[], headings: Object[],
 *     width: number, height: number}} A card: `{row, label, x, y, width, height, isLarge, isSide, level}`; a large one
 *     has room for a picture of its output. A heading, above the cards of an expanded block:
 *     `{path, label, x, y, width, height, isSide, level, bottom}`, with the bottom of the block's last card.
 *
 * The longest path is on the left; side paths are to its right, in the first free lane; an edge that skips cards is an
 * arc. Rows are placed in call order, each below all of its inputs, indented by the blocks that they are in.
 */
export function layoutNetwork(graph, widths) {
  const isPlain = graph.rows.every((row) => graph.main.has(row.name) && row.inputs.length < 2);
  const levels = [...graph.main].map((name) => ancestorsOf(name).length);
  const right = isPlain ? widths.alone : widths.main + INDENT * Math.max(0, Math.max(...levels) - FREE_LEVELS);
  const columns = new Lanes(graph, right, widths.side);
  for (const row of graph.rows) columns.place(row);
  const list = [...columns.cards.values()];
  const edges = edgesOf(columns.cards);
  return {
    cards: list,
    headings: columns.headings,
    edges,
    width: Math.max(...list.map((card) => card.x + card.width), ...edges.map((one) => one.right)),
    height: Math.max(...list.map(bottomOf)),
  };
}

/** The main path, and the side paths beside it, while cards are placed. */
class Lanes {
  cards = new Map(); // by name
  headings = [];
  #bottoms = [0]; // of each lane
  #open = [[]]; // paths of the blocks whose headings are above the next card of each lane
  #onMain; // paths of the blocks that the main path goes through

  constructor(graph, right, sideWidth) {
    this.graph = graph;
    this.right = right;
    this.sideWidth = sideWidth;
    this.#onMain = new Set([...graph.main].flatMap(ancestorsOf));
  }

  place(row) {
    const { graph, cards } = this;
    const inputs = row.inputs.map((name) => bottomOf(cards.get(name)));
    const isMain = graph.main.has(row.name);
    const lane = isMain ? 0 : freeLane(this.#bottoms, Math.max(0, ...inputs), graph, row, cards);
    const around = ancestorsOf(row.name);
    this.#openBlocks(around, lane, Math.max(0, ...inputs));
    const box = this.#box(lane, Math.max(this.#bottoms[lane] ?? 0, ...inputs), around.length);
    const label = row.name.slice(around.length ? around.at(-1).length + 1 : 0);
    const card = { row, label, ...box, ...sizeOf(row), isSide: lane > 0, lane, level: around.length };
    cards.set(row.name, card);
    this.#bottoms[lane] = bottomOf(card);
    for (const path of around) {
      const heading = this.headings.findLast((one) => one.path === path && one.isSide === lane > 0);
      if (heading) heading.bottom = card.y + card.height;
    }
  }

  /** Put headings above the first card of each block. */
  #openBlocks(around, lane, below) {
    const left = this.#open[lane]?.some((path) => !around.includes(path));
    if (left && lane === 0) this.#bottoms[0] += HEIGHTS.gap;
    for (const path of around) {
      const at = this.#onMain.has(path) ? 0 : lane;
      const isOpen = this.#open[at]?.includes(path);
      const wasOpen = lane > 0 && this.headings.some((heading) => heading.path === path);
      if (!isOpen && !wasOpen) this.#addHeading(path, at, below);
    }
    this.#open[lane] = around;
    if (lane > 0) this.#open[0] = [...new Set([...this.#open[0], ...around.filter((path) => this.#onMain.has(path))])];
  }

  #addHeading(path, lane, below) {
    const level = ancestorsOf(path).length;
    const box = this.#box(lane, Math.max(this.#bottoms[lane] ?? 0, below), level);
    const label = path.slice(path.lastIndexOf(".") + 1);
    this.headings.push({ path, label, ...box, height: HEIGHTS.heading, isSide: lane > 0, level, bottom: 0 });
    this.#bottoms[lane] = box.y + HEIGHTS.heading;
  }

  #box(lane, y, level) {
    const x = lane ? this.right + LANE_GAP + (lane - 1) * (this.sideWidth + LANE_GAP) : INDENT * level;
    return { x, y, width: lane ? this.sideWidth : this.right - x };
  }
}

function sizeOf(row) {
  if (!NAMED.has(row.kind) && !changesSize(row)) return { isLarge: false, height: HEIGHTS.small };
  return { isLarge: true, height: row.output_shape.length === 3 ? HEIGHTS.solid : HEIGHTS.vector };
}

/** Whether a row changes the size of its input. A reshape does not count: the numbers stay the same. */
const changesSize = ({ kind, input_shape: before, output_shape: after }) =>
  kind !== "reshape" && before.join() !== after.join();

const bottomOf = (card) => (card ? card.y + card.height + HEIGHTS.gap : 0);

/** A row stays in the lane of the side path that it goes on with; a new one takes the first with room. */
function freeLane(bottoms, top, record, row, cards) {
  const before = cards.get(row.inputs.at(-1));
  if (before?.isSide && record.consumers.get(before.row.name).length === 1) return before.lane;
  let lane = 1;
  while ((bottoms[lane] ?? 0) > top) lane++;
  return lane;
}

function edgesOf(cards) {
  const edges = [];
  for (const card of cards.values()) {
    for (const name of new Set(card.row.inputs)) {
      const from = cards.get(name);
      if (from) edges.push(edge(from, card, cards));
    }
  }
  return edges;
}

function edge(from, to, cards) {
  const sx = from.x + middle(from);
  const ex = to.x + middle(to);
  const sy = from.y + from.height;
  if (from.lane === to.lane) {
    const between = [...cards.values()].some((card) => card.lane === from.lane && card.y > from.y && card.y < to.y);
    const y = Math.max(sy, to.y - HEIGHTS.gap / 2);
    if (!between) return { path: `M${sx} ${sy}V${y}H${ex}V${to.y}`, isSkip: false, right: 0 };
    return { ...arc(from, to), isSkip: true };
  }
  if (from.lane < to.lane) {
    // Out of the right side, and down into the card beside.
    const y = from.y + from.height / 2;
    return {
      path: `M${from.x + from.width} ${y}H${ex - 6}Q${ex} ${y} ${ex} ${y + 6}V${to.y}`,
      isSkip: false,
      right: 0,
    };
  }
  const y = to.y + to.height / 2;
  return { path: `M${sx} ${sy}V${y - 6}Q${sx} ${y} ${sx - 6} ${y}H${to.x + to.width}`, isSkip: false, right: 0 };
}

const middle = (card) => Math.min(28, card.width / 2);

function arc(from, to) {
  const x = from.x + from.width;
  const start = from.y + from.height / 2;
  const end = to.y + to.height / 2;
  const bulge = Math.min(56, 22 + (end - start) / 10);
  return { path: `M${x} ${start}C${x + bulge} ${start} ${x + bulge} ${end} ${x} ${end}`, right: x + 0.75 * bulge };
}

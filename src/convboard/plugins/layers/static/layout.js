/** Positions of the network's cards and paths of its edges. Pure: from the record to boxes and paths. */

const NAMED = new Set(["input", "convolution", "linear"]);
const HEIGHTS = { solid: 50, vector: 40, small: 22, heading: 22, gap: 5 };
const LANE_GAP = 6;

/**
 * @param {ReturnType<import("./record.js").readRecord>} record
 * @param {{alone: number, main: number, side: number}} widths Pixels of a card: in a network without branches, and on
 *     the main path and on side paths of one with branches.
 * @returns {{cards: Object[], edges: {path: string, isSkip: boolean}[], headings: {text: string, y: number}[],
 *     width: number, height: number}} A card: `{row, label, x, y, width, height, isLarge, isSide}`;
 *     a large one has room for a picture of its output.
 *
 * The longest path is on the left; side paths are to its right, in the first free lane; an edge that skips cards is an
 * arc. Rows are placed in call order, each below all of its inputs.
 */
export function layoutNetwork(record, widths) {
  const isPlain = record.rows.every((row) => record.main.has(row.name) && row.inputs.length < 2);
  const mainWidth = isPlain ? widths.alone : widths.main;
  const cards = new Map();
  const headings = [];
  const bottoms = [0]; // of each lane
  let group = "";
  for (const row of record.rows) {
    const below = Math.max(0, ...row.inputs.map((name) => bottomOf(cards.get(name))));
    const isMain = record.main.has(row.name);
    const lane = isMain ? 0 : freeLane(bottoms, below, record, row, cards);
    let y = Math.max(bottoms[lane] ?? 0, below);
    if (isMain && parentOf(row.name) !== group) {
      group = parentOf(row.name);
      if (group) {
        headings.push({ text: group, y: y + 2 });
        y += HEIGHTS.heading;
      }
    }
    const x = lane ? mainWidth + LANE_GAP + (lane - 1) * (widths.side + LANE_GAP) : 0;
    const width = lane ? widths.side : mainWidth;
    const card = { row, label: labelOf(row, group), x, y, width, ...sizeOf(row), isSide: lane > 0, lane };
    cards.set(row.name, card);
    bottoms[lane] = bottomOf(card);
  }
  const list = [...cards.values()];
  return {
    cards: list,
    headings,
    edges: edgesOf(record, cards),
    width: Math.max(...list.map((card) => card.x + card.width)),
    height: Math.max(...list.map(bottomOf)),
  };
}

function sizeOf(row) {
  if (!NAMED.has(row.kind) && !changesSize(row)) return { isLarge: false, height: HEIGHTS.small };
  return { isLarge: true, height: row.output_shape.length === 3 ? HEIGHTS.solid : HEIGHTS.vector };
}

/** The row's name, without that of the block under whose heading it stands. */
function labelOf({ name }, group) {
  return group && name.startsWith(`${group}.`) ? name.slice(group.length + 1) : name;
}

/** Whether a row changes the size of its input. A reshape does not count: the numbers stay the same. */
const changesSize = ({ kind, input_shape: before, output_shape: after }) =>
  kind !== "reshape" && before.join() !== after.join();

const bottomOf = (card) => (card ? card.y + card.height + HEIGHTS.gap : 0);

/** "layer1.0.conv1" belongs to "layer1.0". */
function parentOf(name) {
  const end = name.lastIndexOf(".");
  return end < 0 ? "" : name.slice(0, end);
}

/** A row stays in the lane of the side path that it goes on with; a new one takes the first with room. */
function freeLane(bottoms, top, record, row, cards) {
  const before = cards.get(row.inputs.at(-1));
  if (before?.isSide && record.consumers.get(before.row.name).length === 1) return before.lane;
  let lane = 1;
  while ((bottoms[lane] ?? 0) > top) lane++;
  return lane;
}

function edgesOf(record, cards) {
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
    if (!between) return { path: `M${sx} ${sy}V${to.y}`, isSkip: false };
    return { path: arc(from, to), isSkip: true };
  }
  if (from.lane < to.lane) {
    // Out of the right side, and down into the card beside.
    const y = from.y + from.height / 2;
    return { path: `M${from.x + from.width} ${y}H${ex - 6}Q${ex} ${y} ${ex} ${y + 6}V${to.y}`, isSkip: false };
  }
  const y = to.y + to.height / 2;
  return { path: `M${sx} ${sy}V${y - 6}Q${sx} ${y} ${sx - 6} ${y}H${to.x + to.width}`, isSkip: false };
}

const middle = (card) => Math.min(28, card.width / 2);

function arc(from, to) {
  const x = from.x + from.width;
  const start = from.y + from.height / 2;
  const end = to.y + to.height / 2;
  const bulge = Math.min(56, 22 + (end - start) / 10);
  return `M${x} ${start}C${x + bulge} ${start} ${x + bulge} ${end} ${x} ${end}`;
}

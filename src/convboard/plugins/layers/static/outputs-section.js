/** The output of the chosen layer, in the layer panel: feature maps, a vector or scores; or why there is none. */

import { el } from "../../shared/static/dom.js";
import { plural, size, whole } from "../../shared/static/format.js";
import { columns, heading, ownLine } from "./columns.js";
import { silentUnits } from "./health.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { hasNegative, largestOf } from "../../shared/static/map-range.js";
import { isShared, scalesOf, scalesText } from "./scales.js";
import { poolingOf } from "./units.js";
import { barsView, pointable, scoresView } from "./vector-view.js";
import { uncertainty } from "./words.js";

const OTHER_HEIGHT = 400; // pixels of the window for what is above and below the maps
const SMALLEST_HEIGHT = 300;

/** @param {Object} context See `layer-panel.js`. */
export function outputsSection(context) {
  const { scenes, theme } = context;
  const [first] = scenes;
  const known = scenes.filter((scene) => scene.output);
  if (!known.length) return el("section", {}, heading(title(first.row)), unknown(first, context));
  const part = partOf(first, context);
  const isSigned = known.some(({ output }) => hasNegative(output));
  const scales = scalesOf(scenes, ({ output }) => output && (output.limit || largestOf(output)));
  const bar = ({ output }, i) =>
    output && part === mapsPart ? scaleBar(scales[i], isSigned, theme, largestOf(output) > scales[i]) : null;
  const bars = scenes.map(bar);
  const column = (scene, i) => [
    ownLine((at) => at.output && `${title(at.row)} · ${subtitle(at)}`, scene, first),
    isShared(scales) ? null : bars[i],
    scene.output ? part(scene, { ...context, index: i, largest: scales[i], isSigned }) : unknown(scene, context),
  ];
  const more = [first.output ? subtitle(first) : "", part === scoresPart ? "" : scalesText(scales)];
  const header = heading(
    title(first.row),
    more.filter(Boolean).join(" · "),
    isShared(scales) ? bars.find(Boolean) : null,
  );
  return el("section", { class: "outputs" }, header, columns(context, column));
}

function partOf({ row, probe }, { records }) {
  if (row.name === records[0].last.name && row.kind === "linear" && probe) return scoresPart;
  return row.output_shape.length === 1 ? vectorPart : mapsPart;
}

function title({ kind, output_shape: shape }) {
  if (kind === "input") return `${plural(shape[0], "channel")} of the image`;
  return shape.length === 3 ? plural(shape[0], "feature map") : plural(shape.at(-1), "number");
}

function subtitle({ row, output }) {
  const [count, ...sides] = row.output_shape;
  const parts = sides.length === 2 ? [`${size(sides)} each`] : [];
  if (output.channels < count) {
    const key = `board.max_channels=${count}`;
    parts.push(`the first ${output.channels} of ${whole(count)} shown: a run with ${key} shows all`);
  }
  return [...parts, output.from].join(" · ");
}

function mapsPart(scene, { views, index, theme, largest, width }) {
  const view = views[index].maps;
  const height = Math.max(SMALLEST_HEIGHT, window.innerHeight - OTHER_HEIGHT);
  view.draw(scene.output, { dead: scene.dead, theme, largest, width, height });
  const isKnown = Array.isArray(scene.facts?.dead);
  return el("div", {}, view.node, isKnown ? deadLine(deadText(scene), scene.dead) : null);
}

const deadLine = (text, dead) => el("p", { class: dead.length ? "dead-line" : "dead-line quiet" }, text);

function deadText({ dead, row, conv, output }) {
  const { name } = conv ?? row;
  if (!dead.length) return `No map of ${name} is dead: each is above zero somewhere in the sample.`;
  const more = dead.filter((channel) => channel >= output.channels).length;
  const hidden = more ? `; ${more} of them not shown` : "";
  const are = dead.length === 1 ? "is" : "are";
  const sample = "zero after the ReLU on the whole sample of images";
  return `${plural(dead.length, "map")} of ${name} ${are} dead: ${sample}${hidden}.`;
}

function vectorPart(scene, { records, healths, index, largest, isSigned, width, point, pin }) {
  const silent = silentUnits(scene, records[index], healths[index]);
  const bars = barsView(scene.output, width, { largest, isSigned, dead: silent?.units ?? [] });
  return el("div", {}, pointable(bars, point, pin), silent && deadLine(silent.sentence, silent.units));
}

function scoresPart({ output, probe, image }, { scenes, point, pin }) {
  const scores = [...output.data.subarray(output.offset, output.offset + output.channels)];
  const { class_names: names = [], names: classes } = probe.facts;
  return pointable(scoresView(scores, names, classes[image], scenes.length > 1), point, pin);
}

/** What is known of a layer without numbers, and the nearest layers that have some. */
function unknown({ row, problem }, { records: [record], chooseLayer }) {
  if (problem) return el("p", { class: "notice" }, "Without the pictures' numbers there is nothing to draw here.");
  const before = nearest(row, (at) => at.inputs.map((name) => record.byName.get(name)));
  const behind = nearest(row, (at) => record.consumers.get(at.name));
  const button = ({ name }) => el("button", { type: "button", class: "plain", onclick: () => chooseLayer(name) }, name);
  const links = [before && ["before it, ", button(before)], behind && ["behind it, ", button(behind)]].filter(Boolean);
  return el(
    "p",
    { class: "notice" },
    `The run holds no numbers of ${row.name}: pictures are written of convolutions and linear layers, of their inputs `,
    "and of their activations. ",
    row.kind === "pooling" && !poolingOf(row) ? `${uncertainty(row)} ` : "",
    `Its shape is ${size(row.output_shape)}. The nearest layers that have some: `,
    links.map((link, i) => [i ? "; " : "", link]),
    ".",
  );
}

/** The first convolution or linear layer on the ways that `next` leads. */
function nearest(row, next) {
  const queue = [...(next(row) ?? [])];
  const seen = new Set();
  for (const at of queue) {
    if (!at || seen.has(at)) continue;
    if (["convolution", "linear"].includes(at.kind)) return at;
    seen.add(at);
    queue.push(...(next(at) ?? []));
  }
  return null;
}

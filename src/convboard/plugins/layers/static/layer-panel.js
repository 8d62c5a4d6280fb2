/** The chosen layer: what it does, its numbers, its feature maps, its kernels; beside it the second run's. */

import { pointBy } from "./charts.js";
import { largestMagnitude } from "./colours.js";
import { el, oncePerFrame } from "./dom.js";
import { plural, share, size, whole } from "./format.js";
import { numbers } from "./health.js";
import { kernelsView } from "./kernels-view.js";
import { mapsView } from "./maps-view.js";
import { scaleBar } from "./scale-bar.js";
import { hasNegative, largestOf, scalesOf, scalesSaid, shared } from "./scales.js";
import { isSameImage } from "./scene.js";
import { poolingOf } from "./units.js";
import { barsView, pointable, scoresView } from "./vector-view.js";
import { facts, formula, savings, sentence, uncertainty } from "./words.js";

const BESIDE_MAPS = 400; // pixels of the window that the maps leave to what stands above and below them
const KERNELS_HEIGHT = 420;
const PADDING = 40; // left, right, and the scroll bar

/**
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {{point: Function, pin: Function, chooseLayer: Function}} actions
 */
export function layerPanel(store, { point, pin, chooseLayer: choose }) {
  const about = el("div", { class: "about" });
  const finding = el("p", { class: "finding", hidden: true });
  const body = el("div", { class: "inside" });
  const sides = [0, 1].map(() => ({ maps: mapsView(point, pin), kernels: kernelsView() }));
  const node = el("div", { class: "scroll", "data-view": "inside" }, about, finding, body);
  let shownLayer = null;

  const draw = () => {
    const { scene, sceneB, record, theme, compareProblem, compare, view, health } = store.get();
    if (!scene || view !== "inside" || !node.clientWidth) return;
    if (shownLayer !== scene.row.name) node.scrollTop = 0;
    shownLayer = scene.row.name;
    about.replaceChildren(...describe(scene.row, record));
    const scenes = [scene, sceneB].filter(Boolean);
    const width = node.clientWidth - PADDING;
    const context = {
      record,
      health,
      scenes,
      sides,
      theme,
      width: Math.floor(scenes.length > 1 ? (width - 24) / 2 : width),
      store,
      point,
      pin,
      choose,
    };
    body.replaceChildren(
      ...(compare ? [compareLine(store.get(), compareProblem)] : []),
      ...(scene.problem ? [el("p", { class: "notice problem" }, scene.problem)] : []),
      outputs(context),
      ...kernels(context),
    );
    mark();
  };
  const redraw = oncePerFrame(draw);
  const mark = () => {
    const { hover, unit, scene } = store.get();
    for (const { maps, kernels } of sides) {
      maps.mark(hover, unit);
      kernels.mark(scene?.conv ? (hover ?? unit)?.channel : null);
    }
    for (const bar of body.querySelectorAll("[data-unit]"))
      bar.toggleAttribute("data-pinned", Number(bar.dataset.unit) === unit?.channel);
  };
  const warn = ({ findings, layer }) => {
    const found = findings?.get(layer) ?? [];
    finding.hidden = !found.length;
    finding.textContent = found.map(({ sentence }) => sentence).join(" ");
  };
  store.subscribe(["scene", "sceneB", "theme", "width", "height", "compareProblem", "view"], redraw); // a panel that was hidden has its width then
  store.subscribe(["health", "healthB"], ({ scene }) => scene?.row.output_shape.length === 1 && redraw()); // its units' dead share
  store.subscribe(["hover", "unit"], mark);
  store.subscribe(["findings", "layer"], warn);
  return node;
}

function describe(row, record) {
  const size = formula(row);
  return [
    el("p", { class: "sentence" }, sentence(row, record)),
    size
      ? el("p", { class: "formula" }, size.side ? el("span", { class: "quiet" }, `${size.side}  `) : null, size.text)
      : null,
    el(
      "dl",
      { class: "facts" },
      facts(row, record).map(({ label, value, note }) =>
        el("div", {}, el("dt", {}, label), el("dd", {}, value), el("dd", { class: "quiet" }, note)),
      ),
    ),
    savings(row) ? el("p", { class: "savings quiet" }, savings(row)) : null,
  ].filter(Boolean);
}

/** Which runs stand side by side, and where they differ in step. */
function compareLine({ compare, scene, sceneB, record, recordB }, problem) {
  if (problem) return el("p", { class: "notice" }, problem);
  if (!sceneB) return el("p", { class: "notice" }, `Loading ${compare} …`);
  const isOther = record.dataset !== recordB.dataset;
  const data = isOther
    ? `B was trained on another data set (${recordB.dataset || "unknown"}): its own image, “${sceneB.probe?.facts.names[sceneB.image] ?? "none"}”. `
    : "";
  const epochs = [epochOf(scene, record), epochOf(sceneB, recordB)];
  const said = [
    data,
    epochs[0] !== epochs[1]
      ? `The second run has its pictures at ${epochs[1]}, the nearest at or before ${epochs[0]}.`
      : null,
    isOther || isSameImage(scene, sceneB) ? null : "The second run's probe image is another one.",
  ].filter(Boolean);
  return said.length
    ? el(
        "p",
        { class: "notice" },
        said.map((part) => [part, " "]),
      )
    : el("span", { hidden: true });
}

const epochOf = ({ shownStep }, record) => {
  const epoch = Math.round((shownStep ?? 0) / record.stepsPerEpoch);
  return epoch ? `epoch ${epoch}` : "epoch 0 (untrained)";
};

/** The feature maps, the vector or the scores; or why there are none. */
function outputs(context) {
  const { scenes, theme } = context;
  const [first] = scenes;
  const known = scenes.filter((scene) => scene.output);
  if (!known.length) return el("section", {}, heading(outputTitle(first.row)), unknown(first, context));
  const isScores =
    first.row.name === context.store.get().record.last.name && first.row.kind === "linear" && first.probe;
  const isSigned = known.some(({ output }) => hasNegative(output));
  const isVector = first.row.output_shape.length === 1;
  const scales = scalesOf(scenes, ({ output }) => output && largestOf(output));
  const part = isScores ? scorePart : isVector ? vectorPart : mapsPart;
  const { recordB, healthB } = context.store.get();
  const contexts = [
    { ...context, isSigned },
    { ...context, isSigned, record: recordB, health: healthB },
  ];
  const bars = isVector
    ? []
    : scales.map((largest, i) => (scenes[i].output ? scaleBar(largest, isSigned, theme) : null));
  return el(
    "section",
    { class: "outputs" },
    heading(
      outputTitle(first.row),
      [first.output ? subtitle(first) : "", isScores ? "" : scalesSaid(scales)].filter(Boolean).join(" · "),
      shared(scales) ? bars.find(Boolean) : null,
    ),
    columns(context, (scene, side, i) => [
      ownLine(outputSaid, scene, first),
      shared(scales) ? null : bars[i],
      scene.output ? part(scene, side, scales[i], contexts[i]) : unknown(scene, context),
    ]),
  );
}

const outputSaid = (scene) => scene.output && `${outputTitle(scene.row)} · ${subtitle(scene)}`;

/** What the heading says of the first run, said of the second in its own column where that differs. */
function ownLine(said, scene, first) {
  const own = said(scene);
  return scene !== first && own && own !== said(first) ? el("p", { class: "quiet own" }, own) : null;
}

function outputTitle({ kind, output_shape: shape }) {
  if (kind === "input") return `${plural(shape[0], "channel")} of the image`;
  return shape.length === 3 ? plural(shape[0], "feature map") : plural(shape.at(-1), "number");
}

function subtitle({ row, output }) {
  const parts = [];
  if (row.output_shape.length === 3) parts.push(`${size(row.output_shape.slice(1))} each`);
  if (output.channels < row.output_shape[0])
    parts.push(
      `the first ${output.channels} of ${whole(row.output_shape[0])} shown: a run with board.max_channels=${row.output_shape[0]} shows all`,
    );
  parts.push(output.from);
  return parts.join(" · ");
}

function mapsPart(scene, side, largest, { theme, width }) {
  side.maps.draw(scene.output, {
    dead: scene.dead,
    theme,
    largest,
    width,
    height: Math.max(300, window.innerHeight - BESIDE_MAPS),
  });
  const dead = scene.dead.filter((channel) => channel < scene.output.channels);
  const isKnown = Array.isArray(scene.facts?.dead);
  return el(
    "div",
    {},
    side.maps.node,
    isKnown ? el("p", { class: scene.dead.length ? "dead-line" : "dead-line quiet" }, deadSentence(scene, dead)) : null,
  );
}

function deadSentence({ dead, row, conv }, drawn) {
  const more = dead.length - drawn.length;
  const name = (conv ?? row).name;
  if (!dead.length) return `No map of ${name} is dead: each is above zero somewhere in the sample.`;
  return `${plural(dead.length, "map")} of ${name} ${dead.length === 1 ? "is" : "are"} dead: zero after the ReLU on the whole sample of images${more ? `; ${more} of them not shown` : ""}.`;
}

function vectorPart(scene, _side, largest, context) {
  const { width, isSigned, point, pin } = context;
  const silent = silentUnits(scene, context);
  const how = { largest, isSigned, dead: silent?.units ?? [] };
  return el(
    "div",
    {},
    pointable(barsView(scene.output, width, how), point, pin),
    silent ? el("p", { class: silent.units.length ? "dead-line" : "dead-line quiet" }, silent.sentence) : null,
  );
}

/** The units of a linear layer that its ReLU makes zero for every probe image; null where there is no such ReLU. */
function silentUnits({ row, probe, step }, { record, health }) {
  const isRelu = (other) => other?.kind === "activation" && /^relu$/i.test(other.type);
  const linear = row.kind === "linear" ? row : isRelu(row) ? record.byName.get(row.inputs[0]) : null;
  const relu = linear === row ? record.consumers.get(row.name)?.find(isRelu) : row;
  const vectors = linear && relu && probe?.arrays[`vector:${linear.name}`];
  if (!vectors) return null;
  const [images, count] = vectors.shape;
  const isSilent = (unit) =>
    Array.from({ length: images }, (_, image) => vectors.data[image * count + unit]).every((number) => number <= 0);
  const units = Array.from({ length: count }, (_, unit) => unit).filter(isSilent);
  const [measuredAt, dead] = pointBy(numbers(health?.[linear.name]?.dead_fraction), step) ?? [];
  const measured = Number.isFinite(dead)
    ? ` On the whole sample, at epoch ${Math.round(measuredAt / record.stepsPerEpoch)}: ${share(dead)} of the units.`
    : "";
  return {
    units,
    sentence: `${whole(units.length)} of ${plural(count, "unit")} ${units.length === 1 ? "is" : "are"} zero behind ${relu.name} for all ${images} probe images.${measured}`,
  };
}

function scorePart({ output, probe, image }, _side, _largest, { scenes, point, pin }) {
  const scores = [...output.data.subarray(output.offset, output.offset + output.channels)];
  return pointable(
    scoresView(scores, probe.facts.class_names ?? [], probe.facts.names[image], scenes.length > 1),
    point,
    pin,
  );
}

/** One column a run; the names of the runs above them where there are two. */
function columns({ scenes, sides, store }, part) {
  const { run, compare } = store.get();
  const names = [run, compare];
  return el(
    "div",
    { class: scenes.length > 1 ? "two" : "one" },
    scenes.map((scene, i) =>
      el(
        "div",
        { "data-run": names[i] },
        scenes.length > 1
          ? el("h4", { title: names[i] }, el("b", {}, "AB"[i]), el("span", {}, el("bdi", {}, names[i])))
          : null,
        part(scene, sides[i], i),
      ),
    ),
  );
}

function heading(title, more = "", aside = null) {
  return el("header", {}, el("div", {}, el("h3", {}, title), el("span", { class: "quiet" }, more)), aside);
}

/** What is known where no numbers are, and where to look instead. */
function unknown({ row, problem }, { record, choose }) {
  if (problem) return el("p", { class: "notice" }, "Without the pictures' numbers there is nothing to draw here.");
  const near = [
    nearest(row, (at) => at.inputs.map((name) => record.byName.get(name))),
    nearest(row, (at) => record.consumers.get(at.name)),
  ];
  const links = near
    .map(
      (found, i) =>
        found && [
          ["before", "behind"][i],
          " it, ",
          el("button", { type: "button", class: "plain", onclick: () => choose(found.name) }, found.name),
        ],
    )
    .filter(Boolean);
  return el(
    "p",
    { class: "notice" },
    `The run holds no numbers of ${row.name}: pictures are written of convolutions and linear layers, what they are given and their activations. `,
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

function kernels(context) {
  const { scenes, theme, width } = context;
  const known = scenes.filter((scene) => scene.kernels);
  if (!known.length) return [];
  const scales = scalesOf(scenes, ({ kernels }) => kernels && largestMagnitude(kernels.arrays.weight.data));
  const bars = scales.map((largest) => scaleBar(largest, true, theme));
  const [title, what] = kernelsSaid(known[0]);
  return [
    el(
      "section",
      { class: "kernel-section" },
      heading(title, [what, scalesSaid(scales)].filter(Boolean).join(" · "), shared(scales) ? bars[0] : null),
      columns(context, (scene, side, i) => {
        if (!scene.kernels) return el("p", { class: "notice" }, "No kernels in this run's pictures.");
        side.kernels.draw(scene.kernels.arrays.weight, {
          theme,
          largest: scales[i],
          width,
          height: KERNELS_HEIGHT,
          isInColour: isOfColours(scene.conv),
        });
        return [
          ownLine((at) => at.kernels && kernelsSaid(at).join(" · "), scene, known[0]),
          shared(scales) ? null : bars[i],
          side.kernels.node,
        ];
      }),
    ),
  ];
}

/** How many kernels there are, and what each one consists of. */
function kernelsSaid({ kernels, conv, row }) {
  const [drawn, inEach, ...sides] = kernels.arrays.weight.shape;
  const { filters } = kernels.facts;
  const shown = drawn < filters ? ` · the first ${drawn} of ${whole(filters)} shown, as many as a picture holds` : "";
  const what = isOfColours(conv)
    ? `in colour, then a slice of ${size(sides)} for red, green and blue`
    : inEach > 1
      ? `${whole(inEach)} slices of ${size(sides)}, one for each input channel`
      : size(sides);
  return [`${plural(filters ?? drawn, "kernel")}${row === conv ? "" : ` of ${conv.name}`}`, `${what}${shown}`];
}

/** Whether a convolution's three input channels are the image's red, green and blue. */
const isOfColours = ({ inputs, input_shape: shape, groups }) =>
  inputs[0] === "input" && shape[0] === 3 && (groups ?? 1) === 1;

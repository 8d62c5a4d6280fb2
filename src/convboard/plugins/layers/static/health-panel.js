/** Health over time: the chosen layer's curves, and all layers at a glance. */

import { lineChart, pointBy } from "../../shared/static/charts.js";
import { cssColour } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { share, value } from "../../shared/static/format.js";
import { findings as diagnose, readCurves } from "./health.js";
import { moduleOf } from "./record.js";

const COLUMNS = [
  { key: "mean", title: "Mean", format: value },
  { key: "std", title: "Std. deviation", format: value },
  { key: "gradient_norm", title: "Gradient norm", format: value, isLog: true },
  { key: "dead_fraction", title: "Dead share", format: share },
];

const MOST_CELLS = 12; // of a strip
// prettier-ignore
const DRAWN = [
  "health", "healthB", "record", "recordB", "layer", "findings", "findingsB", "view", "shownStep", "theme",
  "compare", "compareProblem", "healthProblem", "scene", "sceneB",
];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{chooseLayer: (layer: string) => void, chooseEpoch: (epoch: number) => void}} actions
 */
export function healthPanel(store, actions) {
  const node = el("div", { class: "scroll", "data-view": "health" });
  store.subscribe(["health", "record"], ({ health, record }) => store.set({ findings: findingsOf(health, record) }));
  store.subscribe(["healthB", "recordB"], ({ healthB, recordB }) =>
    store.set({ findingsB: findingsOf(healthB, recordB) }),
  );
  store.subscribe(DRAWN, (state) => {
    if (state.view === "health" && state.record) node.replaceChildren(...content(state, actions));
  });
  return node;
}

function content(state, { chooseLayer, chooseEpoch }) {
  const { health, healthProblem, compare, compareProblem, recordB, healthB, scene, sceneB } = state;
  if (!health || healthProblem) return [notice(healthProblem || "Loading the curves …")];
  const second = compare && healthB && recordB ? runOf(state, recordB, healthB, state.findingsB, "B", sceneB) : null;
  const first = runOf(state, state.record, health, state.findings, second ? "A" : "", scene);
  const runs = [first, second].filter(Boolean);
  const owned = runs.filter(({ owner }) => owner);
  return [
    ...(compare && !recordB && compareProblem ? [notice(compareProblem)] : []),
    ...runs.flatMap((run) => warnings(run).concat(verdict(run, state.layer))),
    ...owned.map((run) => moment(run)),
    first.owner ? charts(first, second, chooseEpoch) : "",
    overviewSection(first, state, chooseLayer),
  ];
}

const notice = (text) => el("p", { class: "notice" }, text);

/**
 * What is drawn of one run.
 * @returns {{letter: string, curves: Map, order: string[], owner: ?string, lacks: string, activation: Object,
 *     findings: ?Map, warnings: Object[], stepsPerEpoch: number, now: number}} `order`: the layers with curves;
 *     `owner`: the one whose curves belong to the chosen layer; `lacks`: the name of a network without that layer;
 *     `activation`: see `activationOf`; `now`: the shown epoch.
 */
function runOf({ layer, shownStep, record: { stepsPerEpoch } }, record, health, findings, letter, scene) {
  const curves = readCurves(health);
  const owner = ownerOf(layer, record, curves);
  return {
    letter,
    curves,
    findings,
    warnings: record.warnings,
    order: record.rows.map((row) => row.name).filter((name) => curves.has(name)),
    owner,
    lacks: record.byName.has(layer) ? "" : record.name,
    activation: activationOf(owner, curves, scene?.probe),
    stepsPerEpoch: record.stepsPerEpoch,
    now: (shownStep ?? 0) / stepsPerEpoch,
  };
}

/** The findings of a run, once its curves and its record are there. */
const findingsOf = (health, record) =>
  health && record
    ? diagnose(
        health,
        record.rows.map((row) => row.name),
        record.byName,
        record.warnings,
      )
    : null;

/** The layer whose curves belong to a row: its own, or those of the layer it follows. */
function ownerOf(layer, record, curves) {
  let row = record.byName.get(layer);
  while (row) {
    if (curves.has(row.name)) return row.name;
    if (!["activation", "norm", "pooling", "same", "reshape"].includes(row.kind)) return null;
    row = record.byName.get(row.inputs[0]);
  }
  return null;
}

const NON_NEGATIVE = new Set(["relu", "relu6", "sigmoid", "hardsigmoid"]);

/**
 * The activation behind a layer, after which its values are measured.
 * @returns {{text: string, isNonNegative: boolean}} Where a run of an earlier version does not record it, a share of
 *     dead units tells of a ReLU.
 */
function activationOf(owner, curves, probe) {
  const hasDead = Boolean(owner && curves.get(owner).dead_fraction);
  const recorded = probe?.facts.activations;
  const name = recorded && owner in recorded ? recorded[owner] : hasDead ? "relu" : null;
  if (name)
    return { text: `measured after its ${name.replace("relu", "ReLU")}`, isNonNegative: NON_NEGATIVE.has(name) };
  const isKnown = recorded && owner in recorded;
  return { text: isKnown ? "measured at its output: no activation follows" : "", isNonNegative: hasDead };
}

/** What was found before training or in its first epochs, but for the chosen layer, whose verdict says it. */
function warnings({ letter, owner, warnings: found }) {
  const elsewhere = found.filter(({ layer }) => !owner || layer !== owner);
  const badge = (word) => el("span", { class: "badge" }, word);
  return elsewhere.map(({ word, sentence }) => paragraph("verdict wrong", letter, badge(word), sentence));
}

const paragraph = (kind, letter, ...text) => el("p", { class: kind, "data-run": letter || null }, ...text);

/** The findings in the chosen layer, or in the other layers. */
function verdict({ letter, owner, lacks, order, findings }, layer) {
  const who = letter ? el("b", {}, `${letter}: `) : null;
  const when = el("span", { class: "quiet" }, " As of the last epoch.");
  const sick = order.filter((name) => findings?.has(name));
  const all = sick.length
    ? `${sick.length} of ${order.length} layers stand out: ${sick.join(", ")}.`
    : `Nothing stands out in the ${order.length} layers.`;
  if (!owner) {
    const kept = lacks
      ? `It has no layer ${layer}: its network is ${lacks}.`
      : `Curves are kept of convolutions and linear layers, not of ${layer}.`;
    return [paragraph("verdict", letter, who, `${kept} ${all}`, when)];
  }
  const found = findings?.get(owner);
  if (!found) {
    const others = el("span", { class: "quiet" }, sick.length ? all : "");
    return [paragraph("verdict", letter, who, `${owner}: nothing stands out. `, others, when)];
  }
  return found.map(({ word, sentence, isWarning }) =>
    paragraph(
      "verdict wrong",
      letter,
      el("span", { class: "badge" }, word),
      who?.cloneNode(true),
      sentence,
      isWarning ? null : when.cloneNode(true),
    ),
  );
}

/** The values of the chosen layer's curves at the shown epoch, in words. */
function moment({ letter, owner, activation, curves, now, stepsPerEpoch }) {
  const [mean, std, norm, dead] = COLUMNS.map(({ key, format }) => {
    const point = pointBy(seriesOf(curves, owner, key), now * stepsPerEpoch);
    return point ? format(point[1]) : null;
  });
  const said = [
    mean && `mean ${mean}`,
    std && `standard deviation ${std}`,
    norm && `gradient norm ${norm}`,
    dead && `${dead} of the units dead`,
  ].filter(Boolean);
  return el(
    "p",
    { class: "moment", "data-run": letter || null },
    el("b", {}, `${letter ? `${letter}: ` : ""}${owner} at epoch ${Math.round(now)}: `),
    said.length ? `${said.join(", ")}.` : "nothing was measured yet.",
    activation.text ? el("span", { class: "quiet" }, ` Mean and deviation are ${activation.text}.`) : "",
  );
}

/** A curve of a layer. The gradient is one for all calls of a module: its weights are. */
const seriesOf = (curves, layer, key) =>
  curves.get(layer)[key] ?? (key === "gradient_norm" ? curves.get(moduleOf(layer))?.[key] : null) ?? [];

function charts(first, second, choose) {
  const { owner, now } = first;
  const runs = [first, second].filter((run) => run?.curves.has(owner));
  const perEpoch = (run, key) => seriesOf(run.curves, owner, key).map(([step, y]) => [step / run.stepsPerEpoch, y]);
  const lines = (key) => runs.map((run, i) => ({ name: "AB"[i], points: perEpoch(run, key) }));
  const means = runs.map((run, i) => {
    const deviations = new Map(perEpoch(run, "std"));
    const points = perEpoch(run, "mean");
    const lowest = run.activation.isNonNegative ? 0 : -Infinity; // no value is below it, so the band is not either
    const band = points.map(([x, mean]) => {
      const deviation = deviations.get(x) ?? 0;
      return [x, Math.max(lowest, mean - deviation), mean + deviation];
    });
    return { name: "AB"[i], points, band };
  });
  const common = { now, choose };
  return el(
    "div",
    { class: "charts" },
    lineChart({ ...common, title: "Mean ± standard deviation", lines: means }),
    lineChart({ ...common, title: "Standard deviation", lines: lines("std") }),
    lineChart({ ...common, title: "Gradient norm (log scale)", lines: lines("gradient_norm"), isLog: true }),
    lineChart({
      ...common,
      title: "Dead share of the units",
      lines: lines("dead_fraction"),
      format: share,
      atLeast: [0, 1],
    }),
  );
}

/** All layers of a run in a table. */
function overviewSection(run, { theme, shownStep }, chooseLayer) {
  const title = run.letter ? `All layers of ${run.letter}` : "All layers";
  const epoch = Math.round(run.now);
  const note = `strips run from the first epoch to the last, the value at epoch ${epoch} beside them`;
  const header = el("header", {}, el("div", {}, el("h3", {}, title), el("span", { class: "quiet" }, note)));
  return el("section", {}, header, overview(run, theme, shownStep, chooseLayer));
}

function overview({ order, curves, owner, findings }, theme, shownStep, chooseLayer) {
  const cells = COLUMNS.map((column) => {
    const bounds = boundsOf(order, curves, column);
    return (name) => overviewCell(seriesOf(curves, name, column.key), column, bounds, theme, shownStep);
  });
  const line = (name) =>
    el(
      "tr",
      { class: name === owner ? "chosen" : "", onclick: () => chooseLayer(name) },
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain", title: name }, name)),
      cells.map((cell) => cell(name)),
      el("td", { class: "says" }, badge(findings?.get(name)?.[0])),
    );
  const heads = ["Layer", ...COLUMNS.map(({ title }) => title), ""];
  const head = el(
    "tr",
    {},
    heads.map((title) => el("th", { scope: "col" }, title)),
  );
  return el("table", { class: "overview" }, el("thead", {}, head), el("tbody", {}, order.map(line)));
}

const badge = (finding) => finding && el("span", { class: "badge", title: finding.sentence }, finding.word);

function overviewCell(points, column, bounds, theme, shownStep) {
  if (!points.length) return el("td", { class: "quiet" }, "–");
  const point = pointBy(points, shownStep);
  const number = el("span", { class: "number" }, point ? column.format(point[1]) : "–");
  return el("td", {}, el("span", { class: "strip-cell" }, strip(points, bounds, column, theme), number));
}

function boundsOf(order, curves, { key, isLog }) {
  if (!isLog) return [0, 1];
  const all = order.flatMap((name) => (curves.get(name)[key] ?? []).map(([, y]) => Math.log10(y)));
  const finite = all.filter(Number.isFinite);
  return [Math.min(...finite), Math.max(...finite)];
}

/** One cell an epoch, at most as many as can be seen. Gradients are coloured over all layers, others by their own. */
function strip(points, [low, high], { isLog, key }, theme) {
  const sizes = points.map(([, y]) => Math.abs(y)).filter(Number.isFinite);
  const own = key === "dead_fraction" ? 1 : Math.max(0, ...sizes) || 1;
  const spread = (_, i) => points[Math.round((i * (points.length - 1)) / (MOST_CELLS - 1))];
  const shown = points.length > MOST_CELLS ? Array.from({ length: MOST_CELLS }, spread) : points;
  const cell = ([, y]) => {
    const place = isLog ? (Math.log10(y) - low) / (high - low || 1) : y / own;
    const isZero = isLog && !Number.isFinite(place); // the logarithm of 0
    const number = Number.isFinite(y) ? (isZero ? 0 : place) : NaN;
    return el("i", { style: { background: cssColour(theme, number, 1).ground } });
  };
  return el("span", { class: "strip", "aria-hidden": "true" }, shown.map(cell));
}

/** Health over time: the chosen layer's curves, and all layers at a glance. */

import { lineChart, pointBy } from "./charts.js";
import { cssColour } from "./colours.js";
import { el } from "./dom.js";
import { share, value } from "./format.js";
import { findings as judge, readCurves } from "./health.js";
import { moduleOf } from "./record.js";

const COLUMNS = [
  { key: "mean", title: "Mean", format: value },
  { key: "std", title: "Spread", format: value },
  { key: "gradient_norm", title: "Gradient norm", format: value, isLog: true },
  { key: "dead_fraction", title: "Dead share", format: share },
];

/**
 * @param {ReturnType<import("./store.js").createStore>} store
 * @param {{chooseLayer: (layer: string) => void, chooseEpoch: (epoch: number) => void}} actions
 */
export function healthPanel(store, { chooseLayer, chooseEpoch }) {
  const node = el("div", { class: "scroll", "data-view": "health" });
  const draw = () => {
    const {
      health,
      healthB,
      record,
      recordB,
      layer,
      findings,
      findingsB,
      view,
      shownStep,
      compare,
      compareProblem,
      theme,
      healthProblem,
    } = store.get();
    if (view !== "health" || !record) return;
    if (!health || healthProblem) {
      node.replaceChildren(el("p", { class: "notice" }, healthProblem || "Loading the curves …"));
      return;
    }
    const curves = readCurves(health);
    const order = orderOf(record, curves);
    const owner = ownerOf(layer, record, curves);
    const now = (shownStep ?? 0) / record.stepsPerEpoch;
    const second =
      compare && healthB && recordB ? { curves: readCurves(healthB), stepsPerEpoch: recordB.stepsPerEpoch } : null;
    const ownerB = second && recordB.byName.has(layer) ? ownerOf(layer, recordB, second.curves) : null;
    node.replaceChildren(
      ...(compare && !recordB && compareProblem ? [el("p", { class: "notice" }, compareProblem)] : []),
      ...verdict(owner, layer, findings, order, second ? "A" : ""),
      ...(second ? verdict(ownerB, layer, findingsB, orderOf(recordB, second.curves), "B") : []),
      ...(owner ? moment(owner, curves, shownStep, now, second ? "A" : "") : []),
      ...(ownerB ? moment(ownerB, second.curves, now * second.stepsPerEpoch, now, "B") : []),
      owner ? charts(owner, { curves, stepsPerEpoch: record.stepsPerEpoch }, second, now, chooseEpoch) : "",
      el(
        "section",
        {},
        el(
          "header",
          {},
          el(
            "div",
            {},
            el("h3", {}, second ? "All layers of A" : "All layers"),
            el(
              "span",
              { class: "quiet" },
              `strips run from the first epoch to the last, the value at epoch ${Math.round(now)} beside them`,
            ),
          ),
        ),
        overview(order, curves, { owner, findings, theme, shownStep, choose: chooseLayer }),
      ),
    );
  };
  store.subscribe(["health", "record"], ({ health, record }) => store.set({ findings: judged(health, record) }));
  store.subscribe(["healthB", "recordB"], ({ healthB, recordB }) => store.set({ findingsB: judged(healthB, recordB) }));
  store.subscribe(
    [
      "health",
      "healthB",
      "record",
      "layer",
      "findings",
      "findingsB",
      "view",
      "shownStep",
      "theme",
      "compare",
      "compareProblem",
      "recordB",
      "healthProblem",
    ],
    draw,
  );
  return node;
}

const orderOf = (record, curves) => record.rows.map((row) => row.name).filter((name) => curves.has(name));

/** The findings of a run, once its curves and its record are there. */
const judged = (health, record) =>
  health && record
    ? judge(
        health,
        record.rows.map((row) => row.name),
        record.byName,
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

/** Of one run; `run` is its letter where two are compared. */
function verdict(owner, layer, findings, order, run) {
  const sick = order.filter((name) => findings?.has(name));
  const who = () => (run ? el("b", {}, `${run}: `) : null);
  const all = sick.length
    ? `${sick.length} of ${order.length} layers stand out: ${sick.join(", ")}.`
    : `Nothing stands out in the ${order.length} layers.`;
  const when = el("span", { class: "quiet" }, " Judged at the last epoch.");
  if (!owner)
    return [
      el(
        "p",
        { class: "verdict", "data-run": run || null },
        who(),
        `Curves are kept of convolutions and linear layers, not of ${layer}. ${all}`,
        when,
      ),
    ];
  const found = findings?.get(owner);
  const own = found
    ? found.map(({ word, sentence }) =>
        el(
          "p",
          { class: "verdict wrong", "data-run": run || null },
          el("span", { class: "badge" }, word),
          who(),
          sentence,
          when.cloneNode(true),
        ),
      )
    : [
        el(
          "p",
          { class: "verdict", "data-run": run || null },
          who(),
          `${owner}: nothing stands out. `,
          el("span", { class: "quiet" }, sick.length ? all : ""),
          when,
        ),
      ];
  return own;
}

/** The curves of a layer where the step is, in words; `run` is the run's letter where two are compared. */
function moment(layer, curves, step, now, run) {
  const [mean, std, norm, dead] = COLUMNS.map(({ key, format }) => {
    const point = pointBy(seriesOf(curves, layer, key), step);
    return point ? format(point[1]) : null;
  });
  const said = [
    mean && `mean ${mean}`,
    std && `spread ${std}`,
    norm && `gradient norm ${norm}`,
    dead && `${dead} of the units dead`,
  ].filter(Boolean);
  return [
    el(
      "p",
      { class: "moment", "data-run": run || null },
      el("b", {}, `${run ? `${run}: ` : ""}${layer} at epoch ${Math.round(now)}: `),
      said.length ? `${said.join(", ")}.` : "nothing was measured yet.",
    ),
  ];
}

/** A curve of a layer. The gradient is one for all calls of a module: its weights are. */
const seriesOf = (curves, layer, key) =>
  curves.get(layer)[key] ?? (key === "gradient_norm" ? curves.get(moduleOf(layer))?.[key] : null) ?? [];

function charts(layer, first, second, now, choose) {
  const runs = [first, second].filter((run) => run?.curves.has(layer));
  const perEpoch = (run, key) => seriesOf(run.curves, layer, key).map(([step, y]) => [step / run.stepsPerEpoch, y]);
  const lines = (key) => runs.map((run, i) => ({ name: "AB"[i], points: perEpoch(run, key) }));
  const spread = runs.map((run, i) => {
    const deviations = new Map(perEpoch(run, "std"));
    const points = perEpoch(run, "mean");
    return {
      name: "AB"[i],
      points,
      band: points.map(([x, mean]) => [x, mean - (deviations.get(x) ?? 0), mean + (deviations.get(x) ?? 0)]),
    };
  });
  return el(
    "div",
    { class: "charts" },
    lineChart({ title: "Activation, mean ± spread", lines: spread, now, choose }),
    lineChart({ title: "Spread of the activation", lines: lines("std"), now, choose }),
    lineChart({ title: "Gradient norm (log scale)", lines: lines("gradient_norm"), now, isLog: true, choose }),
    lineChart({
      title: "Dead share of the units",
      lines: lines("dead_fraction"),
      now,
      format: share,
      atLeast: [0, 1],
      choose,
    }),
  );
}

function overview(order, curves, { owner, findings, theme, shownStep, choose }) {
  const bounds = Object.fromEntries(COLUMNS.map(({ key, isLog }) => [key, boundsOf(order, curves, key, isLog)]));
  const cell = (name, { key, format, isLog }) => {
    const points = seriesOf(curves, name, key);
    if (!points.length) return el("td", { class: "quiet" }, "–");
    const point = pointBy(points, shownStep);
    return el(
      "td",
      {},
      el(
        "span",
        { class: "strip-cell" },
        strip(points, bounds[key], { isLog, key }, theme),
        el("span", { class: "number" }, point ? format(point[1]) : "–"),
      ),
    );
  };
  const line = (name) =>
    el(
      "tr",
      { class: name === owner ? "chosen" : "", onclick: () => choose(name) },
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain", title: name }, name)),
      COLUMNS.map((column) => cell(name, column)),
      el(
        "td",
        { class: "says" },
        (findings?.get(name) ?? [])
          .slice(0, 1)
          .map(({ word, sentence }) => el("span", { class: "badge", title: sentence }, word)),
      ),
    );
  return el(
    "table",
    { class: "overview" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Layer"),
        COLUMNS.map(({ title }) => el("th", { scope: "col" }, title)),
        el("th", { scope: "col" }, ""),
      ),
    ),
    el("tbody", {}, order.map(line)),
  );
}

function boundsOf(order, curves, key, isLog) {
  const all = order
    .flatMap((name) => (curves.get(name)[key] ?? []).map(([, y]) => (isLog ? Math.log10(y) : Math.abs(y))))
    .filter(Number.isFinite);
  return isLog ? [Math.min(...all), Math.max(...all)] : [0, 1];
}

/** One cell an epoch, at most as many as are seen. Gradients are coloured over all layers, others by their own. */
function strip(points, [low, high], { isLog, key }, theme) {
  const own =
    key === "dead_fraction" ? 1 : Math.max(0, ...points.map(([, y]) => Math.abs(y)).filter(Number.isFinite)) || 1;
  const shown =
    points.length > 12
      ? Array.from({ length: 12 }, (_, i) => points[Math.round((i * (points.length - 1)) / 11)])
      : points;
  return el(
    "span",
    { class: "strip", "aria-hidden": "true" },
    shown.map(([, y]) => {
      const place = isLog ? (Math.log10(y) - low) / (high - low || 1) : y / own;
      const number = Number.isFinite(y) ? (isLog && !Number.isFinite(place) ? 0 : place) : NaN;
      return el("i", { style: { background: cssColour(theme, number, 1).ground } });
    }),
  );
}

/** The chosen layer: description, facts, feature maps and kernels; with a second run, those of both runs. */

import { el, oncePerFrame } from "../../shared/static/dom.js";
import { kernelsSection } from "./kernels-section.js";
import { KernelsView } from "../../shared/static/kernels-view.js";
import { MapsView } from "../../shared/static/maps-view.js";
import { MatrixView } from "../../shared/static/matrix-view.js";
import { outputsSection } from "./outputs-section.js";
import { isSameImage } from "./scene.js";
import { facts, formula, savings, sentence } from "./words.js";

const PADDING = 40; // pixels: left, right, and the scroll bar
const COLUMN_GAP = 24;
const DRAWN = ["scene", "sceneB", "theme", "width", "height", "compareProblem", "view"];

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{point: Function, pin: Function, chooseLayer: Function}} actions
 */
export function layerPanel(store, { point, pin, chooseLayer }) {
  const about = el("div", { class: "about" });
  const found = el("div", { class: "findings" });
  const body = el("div", { class: "inside" });
  const views = [0, 1].map(() => ({
    maps: new MapsView(point, pin),
    kernels: new KernelsView(),
    matrix: new MatrixView(),
  }));
  const node = el("div", { class: "scroll", "data-view": "inside" }, about, found, body);
  let shownLayer = null;

  const draw = () => {
    const state = store.get();
    const { scene } = state;
    if (!scene || state.view !== "inside" || !node.clientWidth) return;
    if (shownLayer !== scene.row.name) node.scrollTop = 0;
    shownLayer = scene.row.name;
    about.replaceChildren(...describe(scene.row, state.record));
    const context = { ...contextOf(state, node.clientWidth - PADDING), views, point, pin, chooseLayer };
    body.replaceChildren(
      ...(state.compare ? [compareLine(state)] : []),
      ...(scene.problem ? [el("p", { class: "notice problem" }, scene.problem)] : []),
      outputsSection(context),
      ...kernelsSection(context),
    );
    mark(state);
  };
  const redraw = oncePerFrame(draw);
  const mark = ({ hover, unit, scene }) => {
    for (const { maps, kernels, matrix } of views) {
      maps.mark(hover, unit);
      for (const view of [kernels, matrix]) view.mark(scene?.conv ? (hover ?? unit)?.channel : null);
    }
    for (const bar of body.querySelectorAll("[data-unit]"))
      bar.toggleAttribute("data-pinned", Number(bar.dataset.unit) === unit?.channel);
  };
  store.subscribe(DRAWN, redraw); // a panel that was hidden has its width then
  store.subscribe(["health", "healthB"], ({ scene }) => {
    if (scene?.row.output_shape.length === 1) redraw(); // the share of its units that are dead
  });
  store.subscribe(["hover", "unit"], mark);
  store.subscribe(["findings", "findingsB", "layer", "compare"], (state) =>
    found.replaceChildren(...findingsOf(state)),
  );
  return node;
}

/** The sentences about the layer, each with its run where two are shown. */
function findingsOf({ findings, findingsB, layer, compare }) {
  const runs = [
    ["A", findings],
    ["B", compare ? findingsB : null],
  ];
  return runs.flatMap(([letter, found]) =>
    (found?.get(layer) ?? []).map(({ sentence: said }) =>
      el("p", { class: "finding" }, compare ? el("b", {}, `${letter}: `) : null, said),
    ),
  );
}

/**
 * What the sections draw.
 * @returns {{scenes: Object[], names: string[], records: Object[], healths: Object[], theme: string, width: number}}
 *     Of the run and of the one that it is compared with; `width` is that of a column in pixels.
 */
function contextOf({ scene, sceneB, run, compare, record, recordB, health, healthB, theme }, width) {
  const scenes = [scene, sceneB].filter(Boolean);
  return {
    scenes,
    names: [run, compare],
    records: [record, recordB],
    healths: [health, healthB],
    theme,
    width: Math.floor(scenes.length > 1 ? (width - COLUMN_GAP) / 2 : width),
  };
}

function describe(row, record) {
  const sizes = formula(row);
  const fact = ({ label, value, note }) =>
    el("div", {}, el("dt", {}, label), el("dd", {}, value), el("dd", { class: "quiet" }, note));
  const side = sizes?.side ? el("span", { class: "quiet" }, `${sizes.side}  `) : null;
  return [
    el("p", { class: "sentence" }, sentence(row, record)),
    sizes ? el("p", { class: "formula" }, side, sizes.text) : null,
    el("dl", { class: "facts" }, facts(row, record).map(fact)),
    savings(row) ? el("p", { class: "savings quiet" }, savings(row)) : null,
  ].filter(Boolean);
}

/** Where the two runs differ in data set, epoch or image. */
function compareLine({ compare, compareProblem, scene, sceneB, record, recordB }) {
  const notice = (...text) => el("p", { class: "notice" }, ...text);
  if (compareProblem) return notice(compareProblem);
  if (!sceneB) return notice(`Loading ${compare} …`);
  const said = [];
  const isOther = record.dataset !== recordB.dataset;
  if (isOther) {
    const own = sceneB.probe?.facts.names[sceneB.image] ?? "none";
    said.push(`B was trained on another data set (${recordB.dataset || "unknown"}): its own image, “${own}”. `);
  }
  const [epoch, epochB] = [epochOf(scene, record), epochOf(sceneB, recordB)];
  if (epoch !== epochB) said.push(`The second run has its pictures at ${epochB}, the nearest at or before ${epoch}.`);
  if (!isOther && !isSameImage(scene, sceneB)) said.push("The second run's probe image is another one.");
  return said.length ? notice(...said.map((part) => `${part} `)) : el("span", { hidden: true });
}

function epochOf({ shownStep }, record) {
  const epoch = Math.round((shownStep ?? 0) / record.stepsPerEpoch);
  return epoch ? `epoch ${epoch}` : "epoch 0 (untrained)";
}

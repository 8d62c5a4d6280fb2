/** The Layers tab. TensorBoard imports this module in an iframe and calls `render()`. */

import { createActions } from "./actions.js";
import { el, oncePerFrame } from "./dom.js";
import { healthPanel } from "./health-panel.js";
import { listenToReloads } from "./host.js";
import { keysDialog, listenToKeys } from "./keys.js";
import { layerPanel } from "./layer-panel.js";
import { fromLink, keepLink, mainWindow, readHash } from "./link.js";
import { networkPanel } from "./network-panel.js";
import { statePage } from "./states.js";
import { createStore, NOTHING_CHOSEN } from "./store.js";
import { watchTheme } from "./theme.js";
import { topBar } from "./top-bar.js";
import { unitPanel } from "./unit-panel.js";
import { isWithin, strongestUnit } from "./values.js";
import { wishesLine } from "./wishes.js";

// Named here so that the browser asks for all of them at once, not one depth of imports after another.
import "./api.js";
import "./arithmetic.js";
import "./charts.js";
import "./colours.js";
import "./decode.js";
import "./format.js";
import "./grid.js";
import "./health.js";
import "./kernels-view.js";
import "./layout.js";
import "./maps-view.js";
import "./photo.js";
import "./player.js";
import "./record.js";
import "./run-picker.js";
import "./runs.js";
import "./scale-bar.js";
import "./scales.js";
import "./scene.js";
import "./slab.js";
import "./tiles.js";
import "./units.js";
import "./vector-view.js";
import "./words.js";

const NOTHING_KNOWN = {
  runs: null,
  others: null,
  record: null,
  recordB: null,
  steps: [],
  shownStep: null,
  scene: null,
  sceneB: null,
  health: null,
  healthB: null,
  findings: null,
  hover: null,
  playing: false,
  loading: true,
  problem: null,
  compareProblem: "",
  healthProblem: "",
  unmet: "",
  isGone: false,
  theme: "light",
  width: 0,
  height: 0,
};

/** Build the tab in this document. */
export async function render() {
  const styles = ["style.css", "panels.css"].map((file) => stylesheet(file));
  const store = createStore({ ...NOTHING_CHOSEN, ...NOTHING_KNOWN });
  const dialog = keysDialog();
  const actions = { ...createActions(store), ...unitActions(store), showKeys: () => dialog.open || dialog.showModal() };
  const wanted = fromLink(readHash(mainWindow().location.hash));
  watchTheme((theme) => store.set({ theme }));
  document.title = "Layers";
  document.documentElement.lang = "en";
  document.body.hidden = true; // until it has its styles; the data are on their way meanwhile
  document.body.append(...page(store, actions), dialog);
  store.set({ view: wanted.view });
  const opened = actions.open(wanted);
  await Promise.all(styles);
  document.body.hidden = false;
  listenToKeys(store, actions);
  new ResizeObserver(oncePerFrame(() => store.set({ width: window.innerWidth, height: window.innerHeight }))).observe(
    document.body,
  );
  await opened;
  keepLink(store, actions.follow);
  listenToReloads(actions.poll);
}

function stylesheet(file) {
  return new Promise((resolve) => {
    const link = el("link", {
      rel: "stylesheet",
      href: new URL(file, import.meta.url).href,
      onload: resolve,
      onerror: resolve,
    });
    document.head.append(link);
  });
}

function page(store, actions) {
  const state = statePage(store, actions);
  const gone = el(
    "p",
    { class: "gone", role: "status", hidden: true },
    "TensorBoard does not answer: what you see is from before. Start it again; the tab goes on by itself.",
  );
  store.subscribe(["isGone"], ({ isGone }) => (gone.hidden = !isGone));
  const panels = el(
    "main",
    { class: "panels" },
    networkPanel(store, actions.chooseLayer),
    middle(store, actions),
    unitPanel(store),
  );
  const show = ({ record, problem }) => (panels.hidden = !record || Boolean(problem));
  store.subscribe(["record", "problem"], show);
  show(store.get());
  return [topBar(store, actions), gone, wishesLine(store), state, panels];
}

/** The chosen layer, seen from two sides. */
function middle(store, actions) {
  const name = el("h2", {});
  const type = el("span", { class: "type" });
  const tabs = ["inside", "health"].map((view) =>
    el(
      "button",
      { type: "button", role: "tab", id: `tab-${view}`, onclick: () => store.set({ view }) },
      view === "inside" ? "Inside" : "Health over time",
    ),
  );
  const views = { inside: layerPanel(store, actions), health: healthPanel(store, actions) };
  const draw = ({ layer, record, view, findings }) => {
    const row = record?.byName.get(layer);
    name.textContent = row ? (row.kind === "input" ? "The image" : row.name) : "";
    name.title = name.textContent;
    type.textContent = row && row.kind !== "input" ? row.type : "";
    type.className = `type ${row?.kind ?? ""}`;
    tabs.forEach((tab) => tab.setAttribute("aria-selected", tab.id === `tab-${view}`));
    tabs[1].classList.toggle("wrong", Boolean(findings?.size));
    for (const [key, node] of Object.entries(views)) node.hidden = key !== view;
  };
  store.subscribe(["layer", "record", "view", "findings"], draw);
  draw(store.get());
  return el(
    "section",
    { class: "panel layer", "aria-label": "The chosen layer" },
    el("header", {}, name, type, el("div", { class: "tabs", role: "tablist" }, tabs)),
    Object.values(views),
  );
}

/** What is done to the unit that is pointed at or pinned. */
function unitActions(store) {
  const tell = oncePerFrame(() => store.set({ hover: pointedAt }));
  let pointedAt = null;
  const isSame = (a, b) => a === b || (a && b && a.channel === b.channel && a.row === b.row && a.column === b.column);
  return {
    point(unit) {
      if (isSame(unit, pointedAt)) return;
      pointedAt = unit;
      tell();
    },
    pin(unit) {
      const { scene, unit: pinned } = store.get();
      if (!isWithin(unit, scene?.output)) return; // of the second run, whose layer is larger: no link could hold it
      store.set({ unit: isSame(unit, pinned) ? null : unit });
    },
    pinStrongest() {
      const { scene } = store.get();
      if (scene?.output) store.set({ unit: strongestUnit(scene.output), hover: null });
    },
    moveUnit(down, right) {
      const { scene, unit } = store.get();
      if (!scene?.output || !unit) return;
      const row = Math.min(scene.output.height - 1, Math.max(0, unit.row + down));
      const column = Math.min(scene.output.width - 1, Math.max(0, unit.column + right));
      store.set({ unit: { ...unit, row, column }, hover: null });
    },
  };
}

/** The Layers tab. TensorBoard imports this module in an iframe and calls `render()`. */

import { el, oncePerFrame } from "../../shared/static/dom.js";
import { listenToReloads } from "../../shared/static/host.js";
import { keysDialog } from "../../shared/static/keyboard.js";
import { goneNotice, loadStylesheets } from "../../shared/static/page.js";
import { createStore } from "../../shared/static/store.js";
import { watchTheme } from "../../shared/static/theme.js";
import { createActions } from "./actions.js";
import { compareBar } from "./compare-bar.js";
import { healthPanel } from "./health-panel.js";
import { INITIAL_STATE } from "./initial-state.js";
import { KEYS, useKeys } from "./keys.js";
import { layerPanel } from "./layer-panel.js";
import { linkNotice } from "./link-check.js";
import { keepLink, presentLink } from "./link.js";
import { networkPanel } from "./network-panel.js";
import { statePage } from "./states.js";
import { topBar } from "./top-bar.js";
import { unitPanel } from "./unit-panel.js";

// Named here so that the browser requests all modules at once, not one depth of imports after another.
import "../../shared/static/address.js";
import "../../shared/static/charts.js";
import "../../shared/static/colours.js";
import "../../shared/static/decode.js";
import "../../shared/static/format.js";
import "../../shared/static/image-picker.js";
import "../../shared/static/kernels-view.js";
import "../../shared/static/link-keeper.js";
import "../../shared/static/map-range.js";
import "../../shared/static/maps-view.js";
import "../../shared/static/matrix-view.js";
import "../../shared/static/numbers.js";
import "../../shared/static/photo.js";
import "../../shared/static/player.js";
import "../../shared/static/request.js";
import "../../shared/static/run-picker.js";
import "../../shared/static/scale-bar.js";
import "../../shared/static/tiles.js";
import "./api.js";
import "./arithmetic.js";
import "./blocks.js";
import "./block-cards.js";
import "./choices.js";
import "./collapse.js";
import "./columns.js";
import "./grid.js";
import "./health.js";
import "./kernels-section.js";
import "./layout.js";
import "./linear.js";
import "./loader.js";
import "./navigation.js";
import "./outputs-section.js";
import "./poller.js";
import "./prediction.js";
import "./record.js";
import "./run-words.js";
import "./runs.js";
import "./scales.js";
import "./scene.js";
import "./slab.js";
import "./unit-actions.js";
import "./units.js";
import "./values.js";
import "./vector-view.js";
import "./words.js";

const STYLES = ["../../shared/static/base.css", "../../shared/static/pictures.css", "style.css", "panels.css"];

/** Build the tab in this document. */
export async function render() {
  const styles = loadStylesheets(STYLES, import.meta.url);
  const store = createStore(INITIAL_STATE);
  const dialog = keysDialog(KEYS);
  const actions = { ...createActions(store), showKeys: () => dialog.open || dialog.showModal() };
  const wanted = presentLink();
  watchTheme((theme) => store.set({ theme }));
  document.title = "Layers";
  document.documentElement.lang = "en";
  document.body.hidden = true; // until it has its styles; the data are on their way meanwhile
  document.body.append(...page(store, actions), dialog);
  store.set({ view: wanted.view });
  const opened = actions.open(wanted);
  await styles;
  document.body.hidden = false;
  useKeys(store, actions);
  new ResizeObserver(oncePerFrame(() => store.set({ width: window.innerWidth, height: window.innerHeight }))).observe(
    document.body,
  );
  await opened;
  keepLink(store, actions.follow);
  listenToReloads(actions.poll);
}

function page(store, actions) {
  const state = statePage(store, actions);
  const panels = el(
    "main",
    { class: "panels" },
    networkPanel(store, actions),
    middle(store, actions),
    unitPanel(store),
  );
  const show = ({ record, problem }) => (panels.hidden = !record || Boolean(problem));
  store.subscribe(["record", "problem"], show);
  show(store.get());
  return [topBar(store, actions), goneNotice(store), linkNotice(store), state, panels];
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
    compareBar(store),
    Object.values(views),
  );
}

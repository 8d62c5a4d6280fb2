/** The Sweeps tab. TensorBoard imports this module in an iframe and calls `render()`. */

import { el, oncePerFrame } from "../../shared/static/dom.js";
import { listenToReloads } from "../../shared/static/host.js";
import { keysDialog } from "../../shared/static/keyboard.js";
import { goneNotice, loadStylesheets } from "../../shared/static/page.js";
import { createStore } from "../../shared/static/store.js";
import { watchTheme } from "../../shared/static/theme.js";
import { createActions } from "./actions.js";
import { detailsPanel } from "./details-panel.js";
import { filterBar } from "./filter-bar.js";
import { INITIAL_STATE } from "./initial-state.js";
import { insideActions } from "./inside-actions.js";
import { KEYS, useKeys } from "./keys.js";
import { keepLink, presentLink } from "./link.js";
import { rowActions } from "./row-actions.js";
import { statePage } from "./state-page.js";
import { topBar } from "./top-bar.js";
import { VIEWS } from "./views.js";

// Named here so that the browser requests all modules at once, not one depth of imports after another.
import "../../shared/static/address.js";
import "../../shared/static/axis-scale.js";
import "../../shared/static/canvas.js";
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
import "../../shared/static/palette.js";
import "../../shared/static/photo.js";
import "../../shared/static/player.js";
import "../../shared/static/plot-axes.js";
import "../../shared/static/request.js";
import "../../shared/static/run-picker.js";
import "../../shared/static/scale-bar.js";
import "../../shared/static/tiles.js";
import "./about-line.js";
import "./api.js";
import "./axis-ends.js";
import "./columns.js";
import "./confusion-view.js";
import "./confusion.js";
import "./curve-controls.js";
import "./curve-drawing.js";
import "./curve-legend.js";
import "./curve-loader.js";
import "./curve-plot.js";
import "./curve-scales.js";
import "./curve-series.js";
import "./curve-statistics.js";
import "./curves-view.js";
import "./difference-card.js";
import "./filter-menu.js";
import "./filter.js";
import "./goodness.js";
import "./heat-map.js";
import "./importance-bars.js";
import "./inside-card.js";
import "./inside-choice.js";
import "./inside-controls.js";
import "./inside-loader.js";
import "./inside-shown.js";
import "./inside-view.js";
import "./inside-words.js";
import "./key-axis.js";
import "./key-drawing.js";
import "./key-plot.js";
import "./key-statistics.js";
import "./mattered-view.js";
import "./layers-link.js";
import "./metric-ticks.js";
import "./navigation.js";
import "./parallel-drawing.js";
import "./parallel-plot.js";
import "./poller.js";
import "./rows.js";
import "./select-list.js";
import "./selection.js";
import "./setting-colours.js";
import "./strip.js";
import "./student.js";
import "./table-cells.js";
import "./table-head.js";
import "./table-view.js";
import "./view-options.js";
import "./words.js";

const STYLES = [
  "../../shared/static/base.css",
  "../../shared/static/pictures.css",
  "style.css",
  "curves.css",
  "mattered.css",
  "inside.css",
];

/** Build the tab in this document. */
export async function render() {
  const styles = loadStylesheets(STYLES, import.meta.url);
  const store = createStore(INITIAL_STATE);
  const dialog = keysDialog(KEYS);
  const showKeys = () => dialog.open || dialog.showModal();
  const actions = { ...createActions(store), ...rowActions(store), ...insideActions(store), showKeys };
  watchTheme((theme) => store.set({ theme }));
  document.title = "Sweeps";
  document.documentElement.lang = "en";
  document.body.hidden = true; // until it has its styles; the data are on their way meanwhile
  document.body.append(...page(store, actions), dialog);
  const opened = actions.open(presentLink());
  await styles;
  document.body.hidden = false;
  useKeys(store, actions);
  const measure = oncePerFrame(() => store.set({ width: window.innerWidth, height: window.innerHeight }));
  new ResizeObserver(measure).observe(document.body);
  await opened;
  keepLink(store, actions.follow);
  listenToReloads(actions.poll);
}

function page(store, actions) {
  const views = VIEWS.map(({ id, create }) => ({ id, node: create(store, actions) }));
  const nodes = views.map(({ node }) => node);
  for (const { id, node } of views) Object.assign(node, { id: `view-${id}`, role: "tabpanel" });
  const main = el("main", { class: "main" }, el("div", { class: "view-area" }, nodes), detailsPanel(store, actions));
  const show = ({ view, table, problem }) => {
    main.hidden = !table || Boolean(problem);
    for (const { id, node } of views) node.hidden = id !== view;
  };
  store.subscribe(["view", "table", "problem"], show);
  show(store.get());
  return [topBar(store, actions), goneNotice(store), filterBar(store, actions), statePage(store, actions), main];
}

/** The controls above the pictures: what is shown, layer, runs, probe image, epoch. */

import { el } from "../../shared/static/dom.js";
import { imagePicker } from "../../shared/static/image-picker.js";
import { selectList } from "./select-list.js";

const SHOWS = { maps: "Feature maps", kernels: "Kernels", confusion: "Confusion matrix" };
const SEEDS = { first: "one of each setting", all: "all seeds" };

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `inside-actions.js`.
 */
export function insideControls(store, actions) {
  return el(
    "div",
    { class: "controls" },
    showsChoice(store),
    layerChoice(store),
    seedsChoice(store),
    images(store),
    epochChoice(store, actions),
  );
}

const labelled = (label, node) => el("label", {}, el("span", { class: "quiet" }, label), node);

function showsChoice(store) {
  const buttons = Object.entries(SHOWS).map(([shows, text]) =>
    el("button", { type: "button", "data-shows": shows, onclick: () => store.set({ shows }) }, text),
  );
  const draw = ({ shows }) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.shows === shows));
  store.subscribe(["shows"], draw);
  draw(store.get());
  const group = el("div", { class: "segments", role: "group", "aria-label": "What is shown" }, buttons);
  return el("div", { class: "control" }, el("span", { class: "quiet" }, "Show"), group);
}

function layerChoice(store) {
  const list = selectList("Layer", (layer) => store.set({ layer }));
  const node = labelled("Layer", list.node);
  const draw = ({ inside }) => {
    const { layers, cells, layer } = inside ?? { layers: [], cells: [] };
    const textOf = ({ name, runs }) => (runs < cells.length ? `${name} (${runs} of ${cells.length} runs)` : name);
    node.hidden = !layers.length;
    list.update(
      layers.map((each) => [each.name, textOf(each)]),
      layer ?? "",
    );
  };
  store.subscribe(["inside"], draw);
  draw(store.get());
  return node;
}

function seedsChoice(store) {
  const options = Object.entries(SEEDS).map(([value, text]) => el("option", { value }, text));
  const select = el("select", { "aria-label": "Runs", onchange: () => store.set({ seeds: select.value }) }, options);
  const node = labelled("Runs", select);
  const draw = ({ table, seeds }) => {
    node.hidden = !table?.settings.some(({ runs }) => runs.length > 1);
    select.value = seeds;
  };
  store.subscribe(["table", "seeds"], draw);
  draw(store.get());
  return node;
}

/** The probe images are those of the first run that has any. */
function images(store) {
  const probeOf = ({ inside }) => inside?.cells.find(({ probe }) => probe)?.probe;
  const picker = imagePicker(store, { keys: ["inside"], probeOf, choose: (image) => store.set({ image }) });
  const node = el("div", { class: "control of-images" }, el("span", { class: "quiet" }, "Probe image"), picker);
  const draw = (state) => (node.hidden = !probeOf(state));
  store.subscribe(["inside"], draw);
  draw(store.get());
  return node;
}

function epochChoice(store, { chooseEpochAt, togglePlay }) {
  const take = () => chooseEpochAt(Number(slider.value));
  const slider = el("input", { type: "range", min: 0, step: 1, "aria-label": "Epoch", oninput: take });
  const play = el("button", { type: "button", class: "icon play", onclick: togglePlay });
  const said = el("b", {});
  const track = el("label", {}, el("span", { class: "quiet" }, "Epoch", said), slider);
  const node = el("div", { class: "of-epoch" }, play, track);
  const draw = ({ inside, playing }) => {
    const { epochs, epoch } = inside ?? { epochs: [], epoch: null };
    node.hidden = !epochs.length;
    slider.max = Math.max(0, epochs.length - 1);
    slider.value = Math.max(0, epochs.indexOf(epoch));
    slider.disabled = play.disabled = epochs.length < 2;
    said.textContent = epoch === null ? "" : epoch === 0 ? "untrained" : `epoch ${epoch}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    play.textContent = playing ? "❚❚" : "▶";
    play.title = playing ? "Pause (space)" : "Play (space)";
    play.setAttribute("aria-label", playing ? "Pause" : "Play through the epochs");
  };
  store.subscribe(["inside", "playing"], draw);
  draw(store.get());
  return node;
}

/** The controls above the curves: tag, x axis, smoothing, band, logarithmic axes, colours. */

import { el } from "../../shared/static/dom.js";
import { shownTag } from "./curve-loader.js";
import { selectList } from "./select-list.js";
import { chosenSettings } from "./selection.js";
import { usualColouring } from "./setting-colours.js";
import { shortKeys } from "./words.js";

const AXES = { step: "Step", epoch: "Epoch", time: "Time" };
const BANDS = {
  deviation: "± standard deviation",
  interval: "95 % interval",
  range: "smallest to largest",
  none: "no band",
};
const COLOURINGS = { "@setting": "setting", "@objective": "objective" };
const SMOOTHEST = 0.99;

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function curveControls(store) {
  const controls = [tagChoice, axisChoice, smoothingSlider, bandChoice, logChoices, colourChoice];
  return el(
    "div",
    { class: "controls" },
    controls.map((make) => make(store)),
  );
}

const labelled = (label, ...nodes) => el("label", {}, el("span", { class: "quiet" }, label), nodes);

/** A list of options below its label. */
function choice(label, take) {
  const { node, update } = selectList(label, take);
  return { node: labelled(label, node), update };
}

function tagChoice(store) {
  const { node, update } = choice("Tag", (tag) => store.set({ tag, zoom: null }));
  node.classList.add("wide");
  const draw = (state) => {
    const chosen = shownTag(state) ?? "";
    const tags = state.tags?.length ? state.tags : [chosen];
    update(
      tags.map((tag) => [tag, tag]),
      chosen,
    );
  };
  store.subscribe(["tags", "tag", "table"], draw);
  draw(store.get());
  return node;
}

function axisChoice(store) {
  const buttons = Object.entries(AXES).map(([axis, text]) =>
    el("button", { type: "button", "data-axis": axis, onclick: () => store.set({ axis, zoom: null }) }, text),
  );
  const draw = ({ axis }) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.axis === axis));
  store.subscribe(["axis"], draw);
  draw(store.get());
  const group = el("div", { class: "segments", role: "group", "aria-label": "x axis" }, buttons);
  return el("div", { class: "control" }, el("span", { class: "quiet" }, "x axis"), group);
}

function smoothingSlider(store) {
  const take = () => store.set({ smoothing: Number(slider.value) });
  const slider = el("input", {
    "aria-label": "Smoothing",
    type: "range",
    min: 0,
    max: SMOOTHEST,
    step: 0.01,
    oninput: take,
  });
  const shown = el("b", {});
  const draw = ({ smoothing }) => {
    slider.value = smoothing;
    shown.textContent = smoothing ? smoothing.toFixed(2) : "off";
  };
  store.subscribe(["smoothing"], draw);
  draw(store.get());
  return el("label", {}, el("span", { class: "quiet" }, "Smoothing", shown), slider);
}

function bandChoice(store) {
  const { node, update } = choice("Band over seeds", (band) => store.set({ band }));
  const draw = ({ band }) => update(Object.entries(BANDS), band);
  store.subscribe(["band"], draw);
  draw(store.get());
  return node;
}

function logChoices(store) {
  const boxes = ["logX", "logY"].map((name) => {
    const box = el("input", { type: "checkbox", onchange: () => store.set({ [name]: box.checked, zoom: null }) });
    const draw = (state) => (box.checked = state[name]);
    store.subscribe([name], draw);
    draw(store.get());
    return el("label", {}, box, name.slice(-1).toLowerCase());
  });
  const group = el("div", { class: "check-boxes", role: "group", "aria-label": "Logarithmic axes" }, boxes);
  return el("div", { class: "control" }, el("span", { class: "quiet" }, "Log axis"), group);
}

function colourChoice(store) {
  const { node, update } = choice("Colour by", (colourBy) => store.set({ colourBy: colourBy || null }));
  const draw = (state) => {
    const { table, colourBy } = state;
    const keys = table?.keys ?? [];
    const short = shortKeys(keys);
    const automatic = `automatic: ${COLOURINGS[usualColouring(chosenSettings(state))]}`;
    update(
      [["", automatic], ...Object.entries(COLOURINGS), ...keys.map((key, i) => [key, short[i]])],
      keys.includes(colourBy) || colourBy in COLOURINGS ? colourBy : "",
    );
  };
  store.subscribe(["table", "colourBy", "picked", "matching"], draw);
  draw(store.get());
  return node;
}

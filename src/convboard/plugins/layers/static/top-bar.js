/** The bar in which run, second run, probe image and step are chosen. */

import { el } from "../../shared/static/dom.js";
import { whole } from "../../shared/static/format.js";
import { imagePicker } from "../../shared/static/image-picker.js";
import { about, bestOf } from "./run-words.js";
import { RunPicker } from "../../shared/static/run-picker.js";

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {Object} actions See `actions.js`.
 */
export function topBar(store, actions) {
  const run = new RunPicker({ label: "Run", none: null, choose: (name) => name && actions.chooseRun(name) });
  const second = new RunPicker({ label: "Compare with", none: "no other run", choose: actions.chooseCompare });
  const listed = (runs) => (runs ?? []).map((entry) => ({ name: entry.name, about: about(entry), state: entry.state }));
  store.subscribe(["runs", "run"], (state) => run.update(listed(state.runs), state.run));
  store.subscribe(["runs", "run", "compare"], (state) =>
    second.update(
      listed(state.runs).filter(({ name }) => name !== state.run),
      state.compare,
    ),
  );
  return el(
    "header",
    { class: "top" },
    run.node,
    second.node,
    imagePicker(store, { keys: ["scene"], probeOf: ({ scene }) => scene?.probe, choose: actions.chooseImage }),
    stepSlider(store, actions),
    el(
      "button",
      { type: "button", class: "icon", "aria-label": "Keys", title: "Keys (?)", onclick: actions.showKeys },
      "?",
    ),
  );
}

function stepSlider(store, { chooseStepAt, togglePlay }) {
  const slider = el("input", {
    type: "range",
    min: 0,
    max: 0,
    value: 0,
    step: 1,
    "aria-label": "Epoch",
    oninput: () => chooseStepAt(Number(slider.value)),
  });
  const best = el("button", { type: "button", class: "best", hidden: true });
  const play = el("button", { type: "button", class: "icon play", onclick: togglePlay });
  const epoch = el("b", {});
  const detail = el("span", { class: "quiet" });
  const draw = (state) => {
    const { steps, shownStep, record, playing } = state;
    const index = Math.max(0, steps.indexOf(shownStep));
    slider.max = Math.max(0, steps.length - 1);
    slider.value = index;
    slider.disabled = play.disabled = steps.length < 2;
    const perEpoch = record?.stepsPerEpoch ?? 1;
    const number = shownStep === null ? null : Math.round(shownStep / perEpoch);
    const said = number === null ? "" : `epoch ${number}`;
    epoch.textContent = said;
    detail.textContent = number === null ? "" : number === 0 ? "untrained" : `step ${whole(shownStep)}`;
    slider.setAttribute("aria-valuetext", `${said} ${detail.textContent}`);
    slider.style.setProperty("--done", `${steps.length > 1 ? (100 * index) / (steps.length - 1) : 0}%`);
    markBest(best, state, chooseStepAt);
    play.textContent = playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", playing ? "Pause" : "Play through the epochs");
    play.title = playing ? "Pause (space)" : "Play (space)";
  };
  store.subscribe(["steps", "shownStep", "record", "playing", "best"], draw);
  draw(store.get());
  return el(
    "div",
    { class: "step" },
    play,
    el("div", { class: "track" }, el("div", { class: "epoch" }, epoch, detail), slider, best),
  );
}

/** A mark at the place of the best epoch, also between two recorded ones; a click goes to the nearest of those. */
function markBest(node, { steps, record, best }, chooseStepAt) {
  const found = record && bestOf(best, record.stepsPerEpoch);
  node.hidden = !found || steps.length < 2;
  if (node.hidden) return;
  const place = placeAmong(steps, best.step);
  const nearest = Math.round(place);
  const isRecorded = steps[nearest] === best.step;
  const title = `Best: ${found.text}${isRecorded ? "" : "; it has no pictures, a click goes to the nearest"}`;
  node.textContent = "★";
  node.title = title;
  node.setAttribute("aria-label", title);
  node.style.setProperty("--place", place / (steps.length - 1));
  node.onclick = () => chooseStepAt(nearest);
}

/** The index of a step in an ascending list; a fraction between two of them. */
export function placeAmong(steps, step) {
  const after = steps.findIndex((recorded) => recorded >= step);
  if (after <= 0) return after < 0 ? steps.length - 1 : 0;
  return after - 1 + (step - steps[after - 1]) / (steps[after] - steps[after - 1]);
}

/** Two runs side by side in numbers: what differs in their configs, and how good they became. */

import { el } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";
import { bestOf, differences, percent } from "./run-words.js";

const SHOWN = 6; // differing keys before the rest is folded away
const DRAWN = ["compare", "run", "record", "recordB", "config", "configB", "best", "bestB"];

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function compareBar(store) {
  const node = el("section", { class: "comparison", "aria-label": "The two runs compared", hidden: true });
  store.subscribe(DRAWN, (state) => {
    node.hidden = !state.compare || !state.record || !state.recordB;
    if (!node.hidden) node.replaceChildren(...content(state));
  });
  return node;
}

function content({ run, compare, record, recordB, config, configB, best, bestB }) {
  const found = differences(config, configB);
  const [first, second] = [bestOf(best, record.stepsPerEpoch), bestOf(bestB, recordB.stepsPerEpoch)];
  const head = ["", "A", "B"].map((letter, i) =>
    el("th", { scope: "col", title: [null, run, compare][i] }, el("b", {}, letter), " ", name([null, run, compare][i])),
  );
  const metrics = ["val", "test"].map((split) =>
    line(`accuracy/${split}`, accuracy(first, split), accuracy(second, split)),
  );
  const differing = found.map(({ key, a, b }) => line(key, a, b));
  const note = noteOf(found, config, configB);
  return [
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, metrics, differing.slice(0, SHOWN))),
    found.length > SHOWN ? more(differing.slice(SHOWN)) : "",
    note ? el("p", { class: "quiet" }, note) : "",
  ];
}

const name = (run) => (run ? el("bdi", {}, run.slice(run.lastIndexOf("/") + 1)) : "");

const line = (key, a, b) => el("tr", {}, el("th", { scope: "row" }, key), el("td", {}, a), el("td", {}, b));

function accuracy(best, split) {
  const found = best?.[split];
  if (typeof found !== "number") return "–";
  return split === "val" ? `${percent(found)} (epoch ${best.epoch})` : percent(found);
}

const more = (lines) =>
  el("details", {}, el("summary", {}, `${plural(lines.length, "more key")}`), el("table", {}, el("tbody", {}, lines)));

function noteOf(found, ...configs) {
  if (configs.some((config) => !Object.keys(config).length)) return "The config of one of them is not known.";
  return found.length ? "" : "Their configs are the same.";
}

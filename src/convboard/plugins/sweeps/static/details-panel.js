/** The details of a run: why it is in its state, what repeats it, and how its config differs from the best one's. */

import { el, redraw } from "../../shared/static/dom.js";
import { getBesideBest } from "./api.js";
import { layersLink } from "./layers-link.js";
import { configValue, duration, metric, moment, runLabel, settingName, withDeviation } from "./words.js";

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{showRun: (run: ?string) => void}} actions
 */
export function detailsPanel(store, { showRun }) {
  const header = el("header", {});
  const known = el("div", { class: "known" });
  const besideBest = el("section", { class: "beside-best" });
  const scroll = el("div", { class: "scroll" }, known, besideBest);
  const node = el("aside", { class: "panel details", "aria-label": "Details of a run", hidden: true }, header, scroll);
  let before = null;
  store.subscribe(["run", "table"], ({ run: name, table }) => {
    const setting = table?.settings.find(({ runs }) => runs.some(({ run }) => run === name));
    node.hidden = !setting;
    if (!setting) return;
    const run = setting.runs.find((one) => one.run === name);
    redraw(header, headerParts(setting, table, showRun));
    redraw(known, knownParts(run, setting, table, showRun));
    if (name !== before) {
      scroll.scrollTop = 0;
      besideBest.replaceChildren(); // that of another run
    }
    before = name;
    drawBesideBest(besideBest, { run, setting, table, isLatest: () => store.get().run === name });
  });
  return node;
}

function headerParts(setting, { keys }, showRun) {
  const name = settingName(setting, keys);
  const close = { type: "button", class: "icon close", "aria-label": "Close", title: "Close (Esc)" };
  return [el("h2", { title: name }, name), el("button", { ...close, onclick: () => showRun(null) }, "×")];
}

function knownParts(run, setting, table, showRun) {
  const { state, reason, command } = run;
  const isWrong = state === "failed" || state === "unreadable";
  const hasBegun = state !== "waiting" && state !== "unreadable";
  return [
    setting.n > 1 && summary(setting, table),
    setting.runs.length > 1 && runButtons(setting, run, showRun),
    reason && el("p", { class: isWrong ? "why wrong" : "why" }, reason),
    facts(run, table),
    hasBegun && el("p", {}, layersLink(run.run, "Look inside: Layers tab")),
    command && commandPart(command),
  ].filter(Boolean);
}

/** The figures of the setting over its seeds. */
function summary(setting, { objective }) {
  const interval = withDeviation(objective, { mean: setting.mean, deviation: setting.interval });
  return el(
    "p",
    { class: "summary" },
    el("b", {}, withDeviation(objective, setting)),
    el("span", { class: "quiet" }, ` ${objective}, mean ± standard deviation of ${setting.n} seeds`),
    el("br", {}),
    el("span", { class: "quiet" }, `95 % interval of the mean: ${interval}`),
  );
}

/** A button for each run of the setting. */
function runButtons({ runs }, chosen, showRun) {
  const button = (one) => {
    const attributes = { type: "button", "data-focus": one.run, "aria-pressed": one === chosen };
    return el(
      "button",
      { ...attributes, onclick: () => showRun(one.run) },
      one.seed === null ? runLabel(one) : `seed ${one.seed}`,
      one.state === "finished" ? null : el("span", { class: `state-word is-${one.state}` }, ` ${one.state}`),
    );
  };
  return el("div", { class: "run-buttons", role: "group", "aria-label": "Runs of this setting" }, runs.map(button));
}

/** What is known of a run. */
function facts(run, { objective, tested }) {
  const { state, value, test, epochs, max_epochs: most, seconds, started } = run;
  const lines = [
    ["run", el("span", { class: "path" }, run.run)],
    ["state", el("span", { class: `state-word is-${state}` }, state)],
    value !== null && [objective, metric(objective, value)],
    test !== null && tested !== objective && [tested, metric(tested, test)],
    epochs !== null && ["epochs", most ? `${epochs} of ${most}` : epochs],
    seconds !== null && ["time", duration(seconds)],
    started !== null && ["started", moment(started)],
  ];
  return el(
    "dl",
    { class: "facts" },
    lines.filter(Boolean).map(([name, said]) => [el("dt", {}, name), el("dd", {}, said)]),
  );
}

function commandPart(text) {
  const shown = el("pre", { class: "command" }, text);
  const copy = el("button", { type: "button", class: "plain", "data-focus": "copy" }, "copy");
  copy.addEventListener("click", async () => {
    window.getSelection().selectAllChildren(shown);
    if (!navigator.clipboard) return; // browsers give it to https and localhost alone: the text is selected at least
    await navigator.clipboard.writeText(text);
    copy.textContent = "copied";
  });
  return el("section", {}, el("header", { class: "small-head" }, el("h3", {}, "Repeat it"), copy), shown);
}

/** The run beside that of the best setting, with the same seed if there is one. */
async function drawBesideBest(node, { run, setting, table, isLatest }) {
  const [best] = table.settings;
  if (best.mean === null || !run.command) return redraw(node, []); // none has a result, or its config is not known
  const say = (...said) => redraw(node, [el("h3", {}, "Beside the best"), ...said.filter(Boolean)]);
  const quiet = (text) => el("p", { class: "quiet" }, text);
  if (setting === best) return say(quiet("This is the best setting."));
  const other = best.runs.find(({ seed }) => seed === run.seed) ?? best.runs[0];
  try {
    const { config, sentence } = await getBesideBest(run.run, other.run);
    if (!isLatest()) return undefined;
    const name = quiet(`The best: ${settingName(best, table.keys)}`);
    return say(name, sentence && el("p", {}, sentence), config.length ? differenceTable(config) : null);
  } catch (error) {
    if (!error.kind) throw error; // a mistake in this tab: the console shows it
    return say(quiet(`It cannot be compared: ${error.message}`));
  }
}

function differenceTable(found) {
  const head = ["key", "this run", "the best"].map((text) => el("th", { scope: "col" }, text));
  const row = ([key, ...values]) =>
    el("tr", {}, el("th", { scope: "row" }, key), ...values.map((value) => el("td", {}, configValue(value))));
  const parts = [el("thead", {}, el("tr", {}, head)), el("tbody", {}, found.map(row))];
  return el("table", { class: "difference" }, parts);
}

/** The details of a run: why it is in its state, what repeats it, and how its config differs from the best one's. */

import { el } from "../../shared/static/dom.js";
import { getDifference } from "./api.js";
import { layersLink } from "./table-cells.js";
import { ago, configValue, duration, metric, settingName, withDeviation } from "./words.js";

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{showRun: (run: ?string) => void}} actions
 */
export function detailsPanel(store, { showRun }) {
  const node = el("aside", { class: "panel details", "aria-label": "Details of a run", hidden: true });
  store.subscribe(["run", "table"], ({ run, table }) => {
    const setting = run === null ? null : table?.settings.find(({ runs }) => runs.some((one) => one.run === run));
    node.hidden = !setting;
    if (!setting) return node.replaceChildren();
    const shown = setting.runs.find((one) => one.run === run);
    const difference = el("section", {});
    node.replaceChildren(
      header(setting, table, showRun),
      el(
        "div",
        { class: "scroll" },
        summary(setting, table),
        runButtons(setting, run, showRun),
        facts(shown, table),
        difference,
      ),
    );
    return fillDifference(difference, shown, setting, table);
  });
  return node;
}

function header(setting, { keys }, showRun) {
  const name = settingName(setting, keys);
  const close = { type: "button", class: "icon close", "aria-label": "Close", title: "Close (Esc)" };
  return el(
    "header",
    {},
    el("h2", { title: name }, name),
    el("button", { ...close, onclick: () => showRun(null) }, "×"),
  );
}

/** The figures of the setting over its seeds. */
function summary(setting, { objective }) {
  if (setting.n < 2) return null;
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
  if (runs.length < 2) return null;
  return el(
    "div",
    { class: "run-buttons", role: "tablist", "aria-label": "Runs of this setting" },
    runs.map((one) =>
      el(
        "button",
        { type: "button", role: "tab", "aria-selected": one.run === chosen, onclick: () => showRun(one.run) },
        one.seed === null ? one.run.slice(one.run.lastIndexOf("/") + 1) : `seed ${one.seed}`,
        one.state === "finished" ? null : el("span", { class: `state-word is-${one.state}` }, ` ${one.state}`),
      ),
    ),
  );
}

function facts(run, table) {
  const { state, reason } = run;
  const isWrong = state === "failed" || state === "unreadable";
  const shown = lines(run, table).filter(([, said]) => said !== null);
  return [
    reason ? el("p", { class: isWrong ? "why wrong" : "why" }, reason) : null,
    el(
      "dl",
      { class: "facts" },
      shown.map(([name, said]) => [el("dt", {}, name), el("dd", {}, said)]),
    ),
    state === "waiting" || state === "unreadable" ? null : el("p", {}, layersLink(run.run, "Look inside: Layers tab")),
    run.command ? command(run.command) : null,
  ].filter(Boolean);
}

/** What is known of a run; null where it is not. */
function lines(run, { objective, tested }) {
  const known = (value, text) => (value === null ? null : text(value));
  const { state, max_epochs: most } = run;
  return [
    ["run", el("span", { class: "path" }, run.run)],
    ["state", el("span", { class: `state-word is-${state}` }, state)],
    [objective, known(run.value, (value) => metric(objective, value))],
    [tested, tested === objective ? null : known(run.test, (value) => metric(tested, value))],
    ["epochs", known(run.epochs, (epochs) => (most ? `${epochs} of ${most}` : epochs))],
    ["time", known(run.seconds, duration)],
    ["started", known(run.started, (time) => ago(time))],
  ];
}

function command(text) {
  const shown = el("pre", { class: "command" }, text);
  const copy = el("button", { type: "button", class: "plain" }, "copy");
  copy.addEventListener("click", async () => {
    window.getSelection().selectAllChildren(shown);
    if (!navigator.clipboard) return; // browsers give it to https and localhost alone: the text is selected at least
    await navigator.clipboard.writeText(text);
    copy.textContent = "copied";
  });
  return el("section", {}, el("header", { class: "small-head" }, el("h3", {}, "Repeat it"), copy), shown);
}

/** What differs from the best setting, of its run with the same seed if there is one. */
async function fillDifference(node, run, setting, { settings, keys }) {
  const best = settings[0];
  const other = best.runs.find(({ seed }) => seed === run.seed) ?? best.runs[0];
  if (other.run === run.run) {
    node.replaceChildren(el("h3", {}, "Config"), el("p", { class: "quiet" }, "This is the best setting."));
    return;
  }
  let found;
  try {
    found = await getDifference(run.run, other.run);
  } catch (error) {
    node.replaceChildren(el("p", { class: "quiet" }, `Its config cannot be compared: ${error.message}`));
    return;
  }
  const title = el("h3", {}, "Config, and that of the best");
  if (!found.length) {
    node.replaceChildren(title, el("p", { class: "quiet" }, "They are the same."));
    return;
  }
  const head = ["", "this run", "the best"].map((text) => el("th", { scope: "col" }, text));
  node.replaceChildren(
    title,
    el("p", { class: "quiet" }, `The best: ${settingName(best, keys)}`),
    el(
      "table",
      { class: "difference" },
      el("thead", {}, el("tr", {}, head)),
      el(
        "tbody",
        {},
        found.map(([key, ...values]) =>
          el("tr", {}, el("th", { scope: "row" }, key), ...values.map((value) => el("td", {}, configValue(value)))),
        ),
      ),
    ),
  );
}

/** The page in place of a network that is missing, not loaded yet or unreadable. It says what to do. */

import { el } from "../../shared/static/dom.js";
import { plural } from "../../shared/static/format.js";

const SLOW_MS = 350; // an answer before that needs no word

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function statePage(store, { poll }) {
  const node = el("div", { class: "state", role: "status", hidden: true });
  let timer = null;
  const draw = ({ problem, record, loading }) => {
    clearTimeout(timer);
    if (problem) return show(...describe(problem, store.get()), button());
    if (record) {
      node.hidden = true;
      return undefined;
    }
    timer = setTimeout(() => loading && show(el("p", { class: "lead" }, "Loading …")), SLOW_MS);
    return undefined;
  };
  const show = (...children) => {
    node.replaceChildren(...children);
    node.hidden = false;
  };
  const button = () => el("button", { type: "button", class: "action", onclick: poll }, "Look again");
  store.subscribe(["problem", "record", "loading"], draw);
  draw({ ...store.get(), loading: true });
  return node;
}

function describe({ kind, run, message }, { others }) {
  const what = DESCRIPTIONS[kind] ?? DESCRIPTIONS.unreadable;
  return what({ run, message, others: others ?? [] });
}

const lead = (text) => el("h2", {}, text);
const code = (text) => el("code", {}, text);
const line = (...text) => el("p", {}, ...text);

const UNREADABLE_FILE =
  "A run whose event file TensorBoard cannot read is not here either: its terminal says so, with the reason.";

const DESCRIPTIONS = {
  empty: ({ others }) => [
    lead("No run to look inside yet"),
    line("Train a network, and look at the log directory that it writes to:"),
    el("pre", {}, "python train.py model=lenet dataset=mnist\ntensorboard --logdir outputs"),
    el("p", { class: "quiet" }, ...otherRuns(others.length)),
    el("p", { class: "quiet" }, UNREADABLE_FILE),
  ],
  pictures: ({ run }) => [
    lead("This run holds no pictures"),
    line(
      `${run} was recorded without them, most likely with `,
      code("board=minimal"),
      ", or has not reached its first picture.",
    ),
    line("Train it with ", code("board=default"), " to look inside, or choose another run above."),
  ],
  missing: ({ run, message }) => [
    lead("This run is not here"),
    line(`${run ?? "It"}: ${message}`),
    line("Choose another run above, or start TensorBoard with the log directory that holds it."),
    line(UNREADABLE_FILE),
  ],
  lost: ({ run }) => [
    lead("This run is gone"),
    line(
      `${run} was shown until a moment ago; TensorBoard does not find it any more. `,
      "Its files may have been deleted, moved or renamed.",
    ),
    line("Choose another run above. If it is being written again, it appears here by itself."),
  ],
  gone: ({ message }) => [
    lead("TensorBoard does not answer"),
    line(message),
    line("If it was stopped, start it again: ", code("tensorboard --logdir outputs")),
  ],
  refused: ({ message }) => [lead("This page is not given the runs"), line(message)],
  unreadable: ({ message }) => [
    lead("This run cannot be read"),
    line(message ?? ""),
    line(
      "Choose another run above. If it was written by a newer convboard, update the one that TensorBoard runs with.",
    ),
  ],
};

function otherRuns(count) {
  if (!count) return ["The tab looks again every half minute."];
  const runs = `${plural(count, "run")} in this log directory ${count === 1 ? "has" : "have"} no network record`;
  const causes = "written by an earlier convboard, by something else, or with ";
  return [`${runs}: ${causes}`, code("board=minimal"), ". Train again to look inside."];
}

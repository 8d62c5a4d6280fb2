/** The page in place of a table that is missing, not loaded yet or unreadable. It says what to do. */

import { el } from "../../shared/static/dom.js";

const SLOW_MS = 350; // an answer before that needs no word

/**
 * @param {ReturnType<import("../../shared/static/store.js").createStore>} store
 * @param {{poll: () => void}} actions
 */
export function statePage(store, { poll }) {
  const node = el("div", { class: "state", role: "status", hidden: true });
  let timer = null;
  const show = (...children) => {
    node.replaceChildren(...children);
    node.hidden = false;
  };
  const draw = ({ problem, table, loading }) => {
    clearTimeout(timer);
    if (problem) {
      const button = el("button", { type: "button", class: "action", onclick: poll }, "Look again");
      show(...(DESCRIPTIONS[problem.kind] ?? DESCRIPTIONS.unreadable)(problem), button);
    } else if (table) node.hidden = true;
    else timer = setTimeout(() => loading && show(el("p", { class: "lead" }, "Reading the runs …")), SLOW_MS);
  };
  store.subscribe(["problem", "table", "loading"], draw);
  draw({ ...store.get(), loading: true });
  return node;
}

const lead = (text) => el("h2", {}, text);
const line = (...text) => el("p", {}, ...text);
const code = (text) => el("code", {}, text);

const DESCRIPTIONS = {
  empty: () => [
    lead("No runs to compare yet"),
    line("Train some, and look at the log directory that they are written to:"),
    el("pre", {}, "python train.py -m optimizer.lr=0.1,0.03,0.01 seed=1,2,3\ntensorboard --logdir outputs"),
    el("p", { class: "quiet" }, "The tab looks again every half minute."),
  ],
  missing: ({ message }) => [lead("These runs are not here"), line(`TensorBoard says: ${message}.`), elsewhere()],
  lost: ({ message }) => [
    lead("These runs are gone"),
    line(`They were shown until a moment ago. TensorBoard says: ${message}.`),
    elsewhere(),
  ],
  gone: ({ message }) => [
    lead("TensorBoard does not answer"),
    line(message),
    line("If it was stopped, start it again: ", code("tensorboard --logdir outputs")),
  ],
  refused: ({ message }) => [lead("This page is not given the runs"), line(message)],
  unreadable: ({ message }) => [lead("These runs cannot be read"), line(message ?? "")],
};

const elsewhere = () =>
  line(
    "Choose others above, or start TensorBoard with the log directory in which they are: ",
    code("--logdir outputs"),
    ".",
  );

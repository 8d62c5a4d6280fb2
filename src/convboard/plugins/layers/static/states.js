/** What is shown in place of a network: nothing there, not there yet, or broken; each says what to do. */

import { el } from "./dom.js";
import { plural } from "./format.js";

const SLOW_MS = 350; // an answer before that needs no word

/** @param {ReturnType<import("./store.js").createStore>} store */
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

const DESCRIPTIONS = {
  empty: ({ others }) => [
    lead("No run to look inside yet"),
    el("p", {}, "Train a network, and look at the log directory that it writes to:"),
    el("pre", {}, "python train.py model=lenet dataset=mnist\ntensorboard --logdir outputs"),
    others.length
      ? el(
          "p",
          { class: "quiet" },
          `${plural(others.length, "run")} in this log directory ${others.length === 1 ? "has" : "have"} no network record: written by an earlier convboard, by something else, or with `,
          code("board=minimal"),
          ". Train again to look inside.",
        )
      : el("p", { class: "quiet" }, "The tab looks again every half minute."),
  ],
  pictures: ({ run }) => [
    lead("This run holds no pictures"),
    el(
      "p",
      {},
      run,
      " was recorded without them, most likely with ",
      code("board=minimal"),
      ", or has not reached its first picture.",
    ),
    el("p", {}, "Train it with ", code("board=default"), " to look inside, or choose another run above."),
  ],
  missing: ({ run, message }) => [
    lead("This run is not here"),
    el("p", {}, `${run ?? "It"}: ${message}`),
    el("p", {}, "Choose another run above, or start TensorBoard with the log directory that holds it."),
  ],
  lost: ({ run }) => [
    lead("This run is gone"),
    el(
      "p",
      {},
      `${run} was shown until a moment ago; TensorBoard does not find it any more. Its files may have been deleted, moved or renamed.`,
    ),
    el("p", {}, "Choose another run above. If it is being written anew, it appears here by itself."),
  ],
  gone: ({ message }) => [
    lead("TensorBoard does not answer"),
    el("p", {}, message),
    el("p", {}, "If it was stopped, start it again: ", code("tensorboard --logdir outputs")),
  ],
  unreadable: ({ message }) => [
    lead("This run cannot be read"),
    el("p", {}, message ?? ""),
    el(
      "p",
      {},
      "Choose another run above. If it was written by a newer convboard, update the one that TensorBoard runs with.",
    ),
  ],
};

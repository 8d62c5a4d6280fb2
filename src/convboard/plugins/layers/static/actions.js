/** All that can be done in the tab, from the buttons and from the keyboard; and what is fetched because of it. */

import { getHealth, getRuns } from "./api.js";
import { createPlayer } from "./player.js";
import { createRunStore } from "./runs.js";
import { loadScene, prefetch } from "./scene.js";
import { compareWith } from "./wishes.js";

const POLL_MS = 30000; // between two looks for new epochs

/** @param {ReturnType<import("./store.js").createStore>} store */
export function createActions(store) {
  const runs = createRunStore();
  const inUse = () => [store.get().run, store.get().compare];
  const loadRun = (name, isAnew = false) => runs.load(name, inUse(), isAnew);
  let followed = null; // of the link that was followed last
  let sceneAsked = 0;

  /** Fetch what the chosen layer, step and image show; an answer that comes too late is dropped. */
  async function refreshScene() {
    const state = store.get();
    const run = runs.get(state.run);
    if (!run || !state.layer || state.shownStep === null) return;
    const asked = (sceneAsked += 1);
    const wanted = { layer: state.layer, step: state.shownStep, image: state.image };
    const [scene, second] = await Promise.all([loadScene(run, wanted), secondScene(state, wanted)]);
    if (asked !== sceneAsked) return;
    store.set({ scene, sceneB: second.scene, compareProblem: second.problem, ...checkedImage(scene, state) });
    const at = state.steps.indexOf(state.shownStep);
    prefetch(
      run,
      wanted,
      [state.steps[at + 1], state.steps[at - 1]].filter((step) => step !== undefined),
    );
  }

  async function secondScene({ compare, record }, wanted) {
    const run = compare && runs.get(compare);
    if (!run) return { scene: null, problem: store.get().compareProblem };
    const row = run.record.byName.get(wanted.layer);
    if (!row)
      return { scene: null, problem: `${compare} has no layer ${wanted.layer}: its network is ${run.record.name}.` };
    // The same epoch, where the two take different numbers of steps for one.
    const step = Math.round((wanted.step / record.stepsPerEpoch) * run.record.stepsPerEpoch);
    const scene = await loadScene(run, { ...wanted, step });
    return { scene, problem: scene.probe ? "" : `${compare} has no probe image at that step or before.` };
  }

  /** A link may ask for an image that this run has not; another run may lack one too. */
  function checkedImage({ probe }, { image }) {
    const count = probe?.arrays.images.shape[0];
    return count && image >= count ? { image: 0 } : {};
  }

  function showRun(run, wanted) {
    const steps = [...new Set(Object.values(run.pictures).flatMap((list) => list.map(({ step }) => step)))].sort(
      (a, b) => a - b,
    );
    const layer = run.record.byName.has(wanted.layer)
      ? wanted.layer
      : (run.record.convs[0]?.name ?? run.record.rows[0].name);
    const shownStep =
      wanted.step === null
        ? (steps.at(-1) ?? null)
        : (steps.findLast((step) => step <= wanted.step) ?? steps[0] ?? null);
    const problem = steps.length ? null : { kind: "pictures", run: wanted.run };
    store.set({ record: run.record, steps, shownStep, layer, problem });
  }

  function showProblem(kind, run, { message }) {
    sceneAsked += 1; // what is still on its way is of what was shown before
    store.set({ problem: { kind, run, message }, record: null, scene: null, steps: [], shownStep: null, hover: null });
  }

  /** @param {Promise} [loading] Of the run, where it has been asked for. */
  async function chooseRun(name, wanted = {}, loading = null) {
    const before = store.get();
    const next = { run: name, layer: before.layer, step: before.step, image: before.image, unit: null, ...wanted };
    if (next.compare === undefined && before.compare === name) next.compare = null;
    store.set({ ...next, loading: true, unmet: "" });
    try {
      const run = await (loading ?? loadRun(name));
      if (store.get().run !== name) return;
      store.set({ health: null, healthProblem: "", scene: name === before.run ? before.scene : null });
      showRun(run, next);
      if (next.step === store.get().steps.at(-1)) store.set({ step: null }); // a later one is shown once it is there
      await refreshScene();
      refreshHealth(name, "health");
    } catch (error) {
      if (store.get().run === name) showProblem(error.kind ?? "unreadable", name, error);
      if (!error.kind) throw error; // not the server's answer: a mistake in this tab, which the console is to show
    } finally {
      store.set({ loading: false });
    }
  }

  async function refreshHealth(name, key) {
    const isFirst = key === "health";
    try {
      const health = await getHealth(name);
      const state = store.get();
      if ((isFirst ? state.run : state.compare) !== name) return;
      store.set(isFirst ? { health, healthProblem: "" } : { healthB: health });
    } catch (error) {
      if (isFirst) store.set({ healthProblem: `The curves cannot be shown: ${error.message}` });
    }
  }

  const missingBeside = (name, error) => `${name} cannot be shown beside this run: ${error.message}`;

  async function chooseCompare(name) {
    store.set({ compare: name, sceneB: null, recordB: null, healthB: null, compareProblem: "" });
    if (name) {
      try {
        const run = await loadRun(name);
        if (store.get().compare !== name) return;
        store.set({ recordB: run.record });
        refreshHealth(name, "healthB");
      } catch (error) {
        store.set({ compareProblem: missingBeside(name, error) });
      }
    }
    await refreshScene();
  }

  function chooseLayer(layer) {
    if (store.get().layer !== layer) store.set({ layer, unit: null, hover: null, unmet: "" });
  }

  function chooseStepAt(index) {
    const { steps } = store.get();
    const step = steps[Math.min(steps.length - 1, Math.max(0, index))];
    if (step === undefined) return;
    store.set({ step: step === steps.at(-1) ? null : step, shownStep: step, unmet: "" });
  }

  /** The step that is nearest to a place in the run, in epochs. */
  function chooseEpoch(epoch) {
    const { steps, record } = store.get();
    const distances = steps.map((step) => Math.abs(step / record.stepsPerEpoch - epoch));
    chooseStepAt(distances.indexOf(Math.min(...distances)));
  }

  const moveStep = (by) => chooseStepAt(store.get().steps.indexOf(store.get().shownStep) + by);

  function moveLayer(by) {
    const { record, layer } = store.get();
    if (!record) return;
    const at = record.rows.findIndex((row) => row.name === layer);
    chooseLayer(record.rows[Math.min(record.rows.length - 1, Math.max(0, at + by))].name);
  }

  const chooseImage = (image) => store.set({ image, unmet: "" });

  function moveImage(by) {
    const { scene, image } = store.get();
    const count = scene?.probe?.arrays.images.shape[0] ?? 0;
    if (count) chooseImage((image + by + count) % count);
  }

  /** Look for new runs and new epochs, without a word where there is nothing new or no answer. */
  async function poll() {
    if (document.hidden) return;
    const state = store.get();
    try {
      const listed = await getRuns();
      if (listed.runs.join("\n") !== state.runs?.join("\n")) store.set(listed);
      if (!state.run) return open(state);
      await Promise.all([lookAgain(state.run), state.compare && lookAgainBeside(state.compare)]);
      store.set({ isGone: false });
    } catch (error) {
      store.set({ isGone: error.kind === "gone" });
      if (!error.kind) throw error; // a mistake in this tab
    }
  }

  /** The run that is shown: with more epochs, written anew, or no longer there. */
  async function lookAgain(name) {
    try {
      const run = await loadRun(name, true);
      const state = store.get();
      if (state.run !== name) return;
      const isFollowing = state.step === null && !state.unit && !state.hover;
      showRun(run, { ...state, step: isFollowing ? null : (state.shownStep ?? state.step) });
      const isNew = run.record !== state.record || store.get().steps.join() !== state.steps.join();
      if (isNew || !state.scene) await refreshScene();
      refreshHealth(name, "health");
    } catch (error) {
      loseRun(name, error);
    }
  }

  /** A run that cannot be read any more is not shown any longer; one whose server is silent for a while is. */
  function loseRun(name, error) {
    if (!["missing", "unreadable"].includes(error.kind)) throw error;
    runs.forget(name);
    const state = store.get();
    if (state.run !== name) return;
    const wasShown = state.record || state.problem?.kind === "lost";
    const kind = error.kind === "missing" && wasShown ? "lost" : error.kind;
    showProblem(kind, name, error);
  }

  async function lookAgainBeside(name) {
    try {
      const run = await loadRun(name, true);
      const state = store.get();
      if (state.compare !== name || run.record === state.recordB) return;
      store.set({ recordB: run.record, compareProblem: "" });
      refreshHealth(name, "healthB");
    } catch (error) {
      if (error.kind === "gone" || !error.kind) throw error;
      runs.forget(name);
      if (store.get().compare === name)
        store.set({ recordB: null, sceneB: null, healthB: null, compareProblem: missingBeside(name, error) });
      return;
    }
    await refreshScene();
  }

  /** Begin with what a link asks for, else with the last run. */
  async function open(wanted) {
    store.set({ loading: true });
    const loading = wanted.run && loadRun(wanted.run); // asked for along with the list
    loading?.catch(() => null); // what fails is told where it is awaited
    try {
      const { runs: found, others } = await getRuns();
      store.set({ runs: found, others, problem: found.length ? null : { kind: "empty" } });
      if (!found.length) return;
      const run = wanted.run ?? found.at(-1);
      const { layer, step, image, unit } = wanted;
      await chooseRun(run, { layer, step, image, unit }, loading);
      if (store.get().run !== run) return;
      await compareWith(wanted, store, refreshScene);
      if (wanted.compare) await chooseCompare(wanted.compare);
    } catch (error) {
      store.set({ problem: { kind: error.kind ?? "unreadable", message: error.message } });
    } finally {
      store.set({ loading: false });
    }
  }

  /** Do what a changed link says; one that changes meanwhile goes before. */
  async function follow(wanted) {
    const mine = Symbol("link");
    followed = mine;
    const { run, compare, layer, step, image, unit, view } = wanted;
    if (run && run !== store.get().run) {
      await chooseRun(run, { layer, step, image, unit });
      if (followed !== mine || store.get().run !== run) return; // something else was chosen meanwhile
    }
    const { record, steps } = store.get();
    store.set({ image, unit, view, hover: null, ...(record?.byName.has(layer) ? { layer } : {}) });
    // Without a step it asks for the last, as a link does that the tab is opened with.
    chooseStepAt(
      step === null
        ? steps.length - 1
        : Math.max(
            0,
            steps.findLastIndex((recorded) => recorded <= step),
          ),
    );
    if (compare !== store.get().compare) await chooseCompare(compare);
    if (followed === mine) await compareWith(wanted, store, refreshScene);
  }

  const togglePlay = createPlayer(store, { refreshScene, chooseStepAt, moveStep });
  store.subscribe(["layer", "shownStep", "image"], () => refreshScene());
  setInterval(poll, POLL_MS);
  document.addEventListener("visibilitychange", poll);
  return {
    open,
    follow,
    poll,
    chooseRun,
    chooseCompare,
    chooseLayer,
    chooseStepAt,
    chooseEpoch,
    moveStep,
    moveLayer,
    moveImage,
    chooseImage,
    togglePlay,
  };
}

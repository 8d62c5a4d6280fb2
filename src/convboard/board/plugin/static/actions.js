/** All that can be done in the tab, from the buttons and from the keyboard; and what is fetched because of it. */

import { ApiError, getHealth, getRun, getRuns } from "./api.js";
import { findings } from "./health.js";
import { readRecord } from "./record.js";
import { loadScene, prefetch } from "./scene.js";

const PLAY_MS = 900; // a step of the play button
const POLL_MS = 30000; // between two looks for new epochs

/** @param {ReturnType<import("./store.js").createStore>} store */
export function createActions(store) {
  const loaded = new Map(); // run to {record, pictures}; two at most
  let player = null;
  let sceneAsked = 0;

  async function loadRun(name, isAnew = false) {
    if (!isAnew && loaded.has(name)) return loaded.get(name);
    const { network, pictures } = await getRun(name);
    const known = loaded.get(name);
    const run = { record: known?.record ?? understood(network), pictures };
    loaded.set(name, run);
    for (const other of loaded.keys()) if (![name, store.get().run, store.get().compare].includes(other)) loaded.delete(other);
    return run;
  }

  function understood(network) {
    try {
      return readRecord(network);
    } catch {
      throw new ApiError("unreadable", "Its network record is in a form that this tab does not know.");
    }
  }

  /** Fetch what the chosen layer, step and image show; an answer that comes too late is dropped. */
  async function refreshScene() {
    const state = store.get();
    const run = loaded.get(state.run);
    if (!run || !state.layer || state.shownStep === null) return;
    const asked = (sceneAsked += 1);
    const wanted = { layer: state.layer, step: state.shownStep, image: state.image };
    const [scene, second] = await Promise.all([loadScene(run, wanted), secondScene(state, wanted)]);
    if (asked !== sceneAsked) return;
    store.set({ scene, sceneB: second.scene, compareProblem: second.problem, ...checkedImage(scene, state) });
    const at = state.steps.indexOf(state.shownStep);
    prefetch(run, wanted, [state.steps[at + 1], state.steps[at - 1]].filter((step) => step !== undefined));
  }

  async function secondScene({ compare, recordB, record }, wanted) {
    const run = compare && loaded.get(compare);
    if (!run) return { scene: null, problem: store.get().compareProblem };
    const row = run.record.byName.get(wanted.layer);
    if (!row) return { scene: null, problem: `${compare} has no layer ${wanted.layer}: its network is ${run.record.name}.` };
    // The same epoch, where the two take different numbers of steps for one.
    const step = Math.round((wanted.step / record.stepsPerEpoch) * recordB.stepsPerEpoch);
    const scene = await loadScene(run, { ...wanted, step });
    return { scene, problem: scene.probe ? "" : `${compare} has no probe image at that step or before.` };
  }

  /** A link may ask for an image that this run has not. */
  function checkedImage({ probe }, { image }) {
    const count = probe?.arrays.images.shape[0];
    return count && image >= count ? { image: 0 } : {};
  }

  function showRun(run, wanted) {
    const steps = [...new Set(Object.values(run.pictures).flatMap((list) => list.map(({ step }) => step)))].sort((a, b) => a - b);
    const layer = run.record.byName.has(wanted.layer) ? wanted.layer : run.record.convs[0]?.name ?? run.record.rows[0].name;
    const shownStep = wanted.step === null ? steps.at(-1) ?? null : steps.findLast((step) => step <= wanted.step) ?? steps[0] ?? null;
    const problem = steps.length ? null : { kind: "pictures", run: wanted.run };
    store.set({ record: run.record, steps, shownStep, layer, problem });
  }

  async function chooseRun(name, wanted = {}) {
    const before = store.get();
    const next = { run: name, layer: before.layer, step: before.step, image: before.image, unit: null, ...wanted };
    if (next.compare === undefined && before.compare === name) next.compare = null;
    store.set({ ...next, loading: true });
    try {
      const run = await loadRun(name);
      if (store.get().run !== name) return;
      store.set({ health: null, healthProblem: "", findings: null, scene: name === before.run ? before.scene : null });
      showRun(run, next);
      await refreshScene();
      refreshHealth(name, "health");
    } catch (error) {
      if (store.get().run === name) store.set({ problem: { kind: error.kind ?? "unreadable", run: name, message: error.message }, record: null, scene: null });
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
      const order = state.record?.rows.map((row) => row.name) ?? [];
      store.set(isFirst ? { health, healthProblem: "", findings: findings(health, order) } : { healthB: health });
    } catch (error) {
      if (isFirst) store.set({ healthProblem: `The curves cannot be shown: ${error.message}` });
    }
  }

  async function chooseCompare(name) {
    store.set({ compare: name, sceneB: null, recordB: null, healthB: null, compareProblem: "" });
    if (name) {
      try {
        const run = await loadRun(name);
        if (store.get().compare !== name) return;
        store.set({ recordB: run.record });
        refreshHealth(name, "healthB");
      } catch (error) {
        store.set({ compareProblem: `${name} cannot be shown beside this run: ${error.message}` });
      }
    }
    await refreshScene();
  }

  function chooseLayer(layer) {
    if (store.get().layer !== layer) store.set({ layer, unit: null, hover: null });
  }

  function chooseStepAt(index) {
    const { steps } = store.get();
    const step = steps[Math.min(steps.length - 1, Math.max(0, index))];
    if (step === undefined) return;
    store.set({ step: step === steps.at(-1) ? null : step, shownStep: step });
  }

  const moveStep = (by) => chooseStepAt(store.get().steps.indexOf(store.get().shownStep) + by);

  function moveLayer(by) {
    const { record, layer } = store.get();
    if (!record) return;
    const at = record.rows.findIndex((row) => row.name === layer);
    chooseLayer(record.rows[Math.min(record.rows.length - 1, Math.max(0, at + by))].name);
  }

  function moveImage(by) {
    const { scene, image } = store.get();
    const count = scene?.probe?.arrays.images.shape[0] ?? 0;
    if (count) store.set({ image: (image + by + count) % count });
  }

  function togglePlay() {
    if (player !== null) {
      clearTimeout(player);
      player = null;
      store.set({ playing: false });
      return;
    }
    const { steps, shownStep } = store.get();
    if (steps.length < 2) return;
    store.set({ playing: true });
    if (shownStep === steps.at(-1)) chooseStepAt(0);
    const next = async () => {
      await refreshScene();
      const state = store.get();
      if (player === null) return;
      if (state.shownStep === state.steps.at(-1)) return togglePlay();
      moveStep(1);
      player = setTimeout(next, PLAY_MS);
    };
    player = setTimeout(next, PLAY_MS);
  }

  /** Look for new runs and new epochs, without a word where there is nothing new or no answer. */
  async function poll() {
    if (document.hidden) return;
    const state = store.get();
    try {
      const { runs, others } = await getRuns();
      if (runs.join("\n") !== state.runs?.join("\n")) store.set({ runs, others });
      if (!state.run) return open(state);
      const before = state.steps.length;
      const run = await loadRun(state.run, true);
      if (store.get().run !== state.run) return;
      const isFollowing = state.step === null && !store.get().unit && !store.get().hover;
      showRun(run, { ...store.get(), step: isFollowing ? null : store.get().shownStep });
      if (store.get().steps.length !== before) await refreshScene();
      refreshHealth(state.run, "health");
      if (state.compare) await loadRun(state.compare, true);
      store.set({ isGone: false });
    } catch (error) {
      store.set({ isGone: error.kind === "gone" });
    }
  }

  /** Begin with what a link asks for, else with the last run. */
  async function open(wanted) {
    store.set({ loading: true });
    if (wanted.run) loadRun(wanted.run).catch(() => null); // asked for along with the list; what fails is told below
    try {
      const { runs, others } = await getRuns();
      store.set({ runs, others, problem: runs.length ? null : { kind: "empty" } });
      if (!runs.length) return;
      const run = wanted.run ?? runs.at(-1);
      const first = chooseRun(run, { ...wanted, run });
      if (wanted.compare) await first.then(() => chooseCompare(wanted.compare));
      await first;
    } catch (error) {
      store.set({ problem: { kind: error.kind ?? "unreadable", message: error.message } });
    } finally {
      store.set({ loading: false });
    }
  }

  /** Do what a changed link says. */
  async function follow(wanted) {
    const state = store.get();
    if (wanted.run && wanted.run !== state.run) await chooseRun(wanted.run, wanted);
    const { layer, image, unit, view } = wanted;
    const known = state.record?.byName.has(layer) ? { layer } : {};
    store.set({ image, unit, view, ...known });
    const at = wanted.step === null ? -1 : store.get().steps.indexOf(wanted.step);
    if (at >= 0) chooseStepAt(at);
    if (wanted.compare !== store.get().compare) await chooseCompare(wanted.compare);
  }

  store.subscribe(["layer", "shownStep", "image"], () => refreshScene());
  setInterval(poll, POLL_MS);
  document.addEventListener("visibilitychange", poll);
  return { open, follow, poll, chooseRun, chooseCompare, chooseLayer, chooseStepAt, moveStep, moveLayer, moveImage, chooseImage: (image) => store.set({ image }), togglePlay };
}

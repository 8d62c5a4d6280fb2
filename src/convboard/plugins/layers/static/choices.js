/** What the buttons and keys choose within the run that is shown: layer, step and probe image. */

const clamp = (number, count) => Math.min(count - 1, Math.max(0, number));

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function createChoices(store) {
  const choices = {
    chooseLayer(layer) {
      if (store.get().layer !== layer) store.set({ layer, unit: null, hover: null, unmet: "" });
    },

    chooseStepAt(index) {
      const { steps } = store.get();
      const step = steps[clamp(index, steps.length)];
      if (step === undefined) return;
      store.set({ step: step === steps.at(-1) ? null : step, shownStep: step, unmet: "" });
    },

    /** Choose the step that is nearest to a place in the run, in epochs. */
    chooseEpoch(epoch) {
      const { steps, record } = store.get();
      const distances = steps.map((step) => Math.abs(step / record.stepsPerEpoch - epoch));
      choices.chooseStepAt(distances.indexOf(Math.min(...distances)));
    },

    moveStep(by) {
      const { steps, shownStep } = store.get();
      choices.chooseStepAt(steps.indexOf(shownStep) + by);
    },

    chooseImage: (image) => store.set({ image, unmet: "" }),

    moveImage(by) {
      const { scene, image } = store.get();
      const count = scene?.probe?.arrays.images.shape[0] ?? 0;
      if (count) choices.chooseImage((image + by + count) % count);
    },
  };
  return choices;
}

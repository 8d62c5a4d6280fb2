/** What can be done in the view Inside: choose layer, probe image and epoch, play. */

import { createPlayer } from "../../shared/static/player.js";
import { epochIndex } from "./inside-choice.js";
import { InsideLoader } from "./inside-loader.js";

const clamp = (index, count) => Math.min(count - 1, Math.max(0, index));

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function insideActions(store) {
  const loader = new InsideLoader(store);
  const placeOf = ({ inside, epoch }) =>
    inside && { index: epochIndex(inside.epochs, epoch), count: inside.epochs.length };

  /** The last one is followed as new ones come. */
  function chooseEpochAt(index) {
    const epochs = store.get().inside?.epochs ?? [];
    if (!epochs.length) return;
    const at = clamp(index, epochs.length);
    store.set({ epoch: at === epochs.length - 1 ? null : epochs[at] });
  }

  return {
    chooseEpochAt,
    refreshInside: () => loader.refresh(),
    forgetInside: () => loader.forget(),
    moveEpoch: (by) => chooseEpochAt((placeOf(store.get())?.index ?? 0) + by),
    togglePlay: createPlayer(store, { placeOf, refresh: () => loader.refresh(), chooseAt: chooseEpochAt }),

    moveLayer(by) {
      const { layers, layer } = store.get().inside ?? { layers: [] };
      const at = layers.findIndex(({ name }) => name === layer);
      if (layers.length) store.set({ layer: layers[clamp(at + by, layers.length)].name });
    },

    moveImage(by) {
      const { inside, image } = store.get();
      const count = inside?.cells.find(({ probe }) => probe)?.probe.arrays.images.shape[0];
      if (count) store.set({ image: (image + by + count) % count });
    },
  };
}

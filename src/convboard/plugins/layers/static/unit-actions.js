/** What is done to the unit under the pointer and to the pinned one. */

import { oncePerFrame } from "../../shared/static/dom.js";
import { isSameUnit, isWithin, strongestUnit } from "./values.js";

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function createUnitActions(store) {
  let pointedAt = null;
  const tell = oncePerFrame(() => store.set({ hover: pointedAt }));
  return {
    point(unit) {
      if (isSameUnit(unit, pointedAt)) return;
      pointedAt = unit;
      tell();
    },
    pin(unit) {
      const { scene, unit: pinned } = store.get();
      if (!isWithin(unit, scene?.output)) return; // of the second run, whose layer is larger: no link could hold it
      store.set({ unit: isSameUnit(unit, pinned) ? null : unit });
    },
    pinStrongest() {
      const { scene } = store.get();
      if (scene?.output) store.set({ unit: strongestUnit(scene.output), hover: null });
    },
    moveUnit(down, right) {
      const { scene, unit } = store.get();
      if (!scene?.output || !unit) return;
      const row = Math.min(scene.output.height - 1, Math.max(0, unit.row + down));
      const column = Math.min(scene.output.width - 1, Math.max(0, unit.column + right));
      store.set({ unit: { ...unit, row, column }, hover: null });
    },
  };
}

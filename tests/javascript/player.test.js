import assert from "node:assert/strict";
import { test } from "node:test";

import { createPlayer } from "#layers/player.js";

test("a player that is paused and played during a fetch plays once", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const state = { steps: [0, 1, 2, 3], shownStep: 0, record: {} };
  const store = { get: () => state, set: (patch) => Object.assign(state, patch) };
  const fetches = []; // resolve functions of those that go on
  const refreshScene = () => new Promise((resolve) => fetches.push(resolve));
  const moveStep = (by) => (state.shownStep += by);
  const toggle = createPlayer(store, { refreshScene, chooseStepAt: () => null, moveStep });
  const answer = async (i) => {
    fetches[i]();
    await new Promise((resolve) => setImmediate(resolve));
    context.mock.timers.tick(1000);
  };
  toggle();
  context.mock.timers.tick(1000);
  toggle();
  toggle();
  context.mock.timers.tick(1000);
  assert.equal(fetches.length, 2); // of the first play and of the second
  await answer(0); // of a play that was paused: nothing moves
  assert.deepEqual([state.shownStep, fetches.length], [0, 2]);
  await answer(1);
  assert.deepEqual([state.shownStep, fetches.length, state.playing], [1, 3, true]);
});

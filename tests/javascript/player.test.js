import assert from "node:assert/strict";
import { test } from "node:test";

import { createPlayer } from "#shared/player.js";

test("a player that is paused and played during a fetch plays once", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const state = { index: 0 };
  const store = { get: () => state, set: (patch) => Object.assign(state, patch) };
  const fetches = []; // resolve functions of those that go on
  const refresh = () => new Promise((resolve) => fetches.push(resolve));
  const chooseAt = (index) => (state.index = index);
  const placeOf = ({ index }) => ({ index, count: 4 });
  const toggle = createPlayer(store, { placeOf, refresh, chooseAt });
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
  assert.deepEqual([state.index, fetches.length], [0, 2]);
  await answer(1);
  assert.deepEqual([state.index, fetches.length, state.playing], [1, 3, true]);
});

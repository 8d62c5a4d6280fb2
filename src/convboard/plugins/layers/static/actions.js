/** All that can be done in the tab, from the buttons, from the keyboard and by links. */

import { createChoices } from "./choices.js";
import { Collapse } from "./collapse.js";
import { Loader } from "./loader.js";
import { Navigation } from "./navigation.js";
import { createPlayer } from "../../shared/static/player.js";
import { Poller } from "./poller.js";
import { createUnitActions } from "./unit-actions.js";

/** Which of the steps is shown. */
const placeOf = ({ record, steps, shownStep }) => record && { index: steps.indexOf(shownStep), count: steps.length };

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function createActions(store) {
  const loader = new Loader(store);
  const choices = createChoices(store);
  const collapse = new Collapse(store);
  const navigation = new Navigation(store, loader, choices);
  const open = (wanted) => navigation.open(wanted);
  const poller = new Poller(store, loader, open);
  const refreshScene = () => loader.refreshScene();
  store.subscribe(["layer", "shownStep", "image"], refreshScene);
  poller.start();
  return {
    ...choices,
    ...createUnitActions(store),
    open,
    follow: (wanted) => navigation.follow(wanted),
    chooseRun: (name) => navigation.chooseRun(name),
    chooseCompare: (name) => navigation.chooseCompare(name),
    moveLayer: (by) => collapse.moveLayer(by),
    toggleBlock: (path) => collapse.toggle(path),
    expandBlock: () => collapse.expand(),
    collapseBlock: () => collapse.collapse(),
    chooseDepth: (depth) => collapse.chooseDepth(depth),
    poll: () => poller.poll(),
    togglePlay: createPlayer(store, { placeOf, refresh: refreshScene, chooseAt: choices.chooseStepAt }),
  };
}

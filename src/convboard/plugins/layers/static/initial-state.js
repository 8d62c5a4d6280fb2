/** The state of the Layers tab before anything is chosen or loaded. */

/** What can be chosen. */
const CHOICES = {
  run: null, // name of the run shown
  compare: null, // name of the run beside it
  layer: null, // name of a row of the network record, or "input"
  image: 0, // which probe image
  step: null, // global step; null: the last, also when a later one is written
  unit: null, // {channel, row, column}: the pinned unit of the layer's output
  view: "inside", // or "health"
  collapsed: new Set(), // paths of blocks that are one card each
};

/** What is loaded, and what follows from it. */
const LOADED = {
  runs: null, // see `Entry` in run-words.js, the newest first
  others: null,
  record: null,
  recordB: null,
  config: {},
  configB: {},
  best: null,
  bestB: null,
  steps: [],
  shownStep: null,
  scene: null,
  sceneB: null,
  health: null,
  healthB: null,
  findings: null,
  findingsB: null,
  hover: null,
  playing: false,
  loading: true,
  problem: null,
  compareProblem: "",
  healthProblem: "",
  unmet: "",
  isGone: false,
  theme: "light",
  width: 0,
  height: 0,
};

export const INITIAL_STATE = { ...CHOICES, ...LOADED };

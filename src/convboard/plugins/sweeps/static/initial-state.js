/** The state of the Sweeps tab before anything is chosen or loaded. */

import { VIEW_DEFAULTS } from "./view-options.js";

/** What can be chosen; all of it is in the link. */
const CHOICES = {
  folder: null, // id of the folder of runs; "" is that of the runs outside of sweeps
  view: "table", // see `VIEWS` in views.js
  sort: null, // {column, isDescending}; null: the order of the ranking
  filter: {}, // see filter.js
  picked: [], // ids of settings; the index gives the colour, and null is the place of one that was taken out
  pinned: [], // ids of settings that stay at the top of the table
  expanded: [], // ids of settings whose runs are shown
  run: null, // name of the run whose details are shown
};

/** What is loaded, and what follows from it. */
const LOADED = {
  folders: null, // as the server gives them
  table: null, // as the server gives it
  importance: null, // as the server gives it; asked for when a view shows it
  matching: [], // the settings of the table that pass the filter, in the order of the ranking
  rows: [], // of the table, see rows.js
  places: new Map(), // place in the ranking by id of the setting
  scale: null, // of the strips, see strip.js
  current: null, // key of the row that the keys act on
  tags: null, // the scalar tags of the folder
  curves: new Map(), // those of the chosen settings that have been read, by run
  curvesOf: null, // folder and tag that they are of; null until any have been read
  curvesProblem: "",
  inside: null, // see `Scene` in inside-loader.js
  insideProblem: "",
  playing: false, // through the epochs
  pointed: null, // id of the setting that the pointer is at
  loading: true,
  problem: null, // {kind, message}
  isGone: false,
  askedAt: null, // time of the last answer to the poller
  theme: "light",
  width: 0,
  height: 0,
};

export const INITIAL_STATE = { ...CHOICES, ...LOADED, ...VIEW_DEFAULTS };

/** Metrics, times and states as text. Pure. */

import { minus, value } from "../../shared/static/format.js";

/** The states of a run, those first that need a look first. */
export const STATES = ["failed", "unreadable", "interrupted", "running", "waiting", "pruned", "finished"];

export const isAccuracy = (tag) => tag.startsWith("accuracy");

/** A metric as the terminal has it: an accuracy in percent, a loss with four digits. */
export function metric(tag, number) {
  if (number === null || number === undefined) return "–";
  if (!Number.isFinite(number)) return value(number);
  return isAccuracy(tag) ? `${(100 * number).toFixed(2)} %` : four(number);
}

/** Mean and standard deviation of a metric. */
export function withDeviation(tag, { mean, deviation }) {
  if (!Number.isFinite(mean) || !Number.isFinite(deviation)) return metric(tag, mean);
  const scaled = isAccuracy(tag)
    ? [(100 * mean).toFixed(2), (100 * deviation).toFixed(2)]
    : [mean, deviation].map(four);
  return `${scaled[0]} ± ${scaled[1]}${isAccuracy(tag) ? " %" : ""}`;
}

/** With four decimals; a number that these do not show has two digits. */
function four(number) {
  const isSmall = number !== 0 && Math.abs(number) < 0.001;
  return minus(isSmall ? number.toExponential(1).replace("e+", "e") : number.toFixed(4));
}

/** A time as `12 s`, `3:05 min` or `2:10 h`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}

/** How long ago a moment is: "just now", "5 min ago", "3 h ago", "2 days ago". */
export function ago(seconds, now = Date.now() / 1000) {
  const past = now - seconds;
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 48 * 3600) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86400)} days ago`;
}

/** A moment in the time of this machine: "2026-11-28 16:30". */
export function moment(seconds) {
  const date = new Date(1000 * seconds);
  const two = (number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A value of a config in one line. */
export function configValue(given) {
  if (given === null || given === undefined) return "–";
  if (given === "") return '""';
  return typeof given === "number" ? String(Number(given.toPrecision(6))) : String(given).replaceAll("\n", "↵");
}

/** The end of a range. */
export const rangeEnd = (column, { objective, tested }, number) => {
  if (column === "@objective") return metric(objective, number);
  if (column === "@seconds") return duration(number);
  return column === "@test" ? metric(tested, number) : configValue(number);
};

/** The last part of each key, or the whole key if two have the same last part. */
export function shortKeys(keys) {
  const last = keys.map((key) => key.slice(key.lastIndexOf(".") + 1));
  return keys.map((key, i) => (last.indexOf(last[i]) === last.lastIndexOf(last[i]) ? last[i] : key));
}

/** The states of runs in words, those first that need a look first; `finished` alone needs no number. */
export function stateWords(runs) {
  const counts = countStates(runs);
  const present = STATES.filter((state) => counts[state]);
  const isPlain = runs.length === 1 || present.join() === "finished";
  return present.map((state) => (isPlain ? state : `${counts[state]} ${state}`));
}

/** Those of them that a row shows: that the other runs have finished need not be said. */
export function shownStates(runs) {
  const words = stateWords(runs);
  return words.length > 1 ? words.filter((word) => !word.endsWith(" finished")) : words;
}

/** The state of a run, with its epochs if it has not finished: "running 3/10". */
export function runStateText({ state, epochs, max_epochs: most }) {
  return state !== "finished" && epochs !== null && most ? `${state} ${epochs}/${most}` : state;
}

/** What tells a run from the others of its setting: its number in the sweep or its name, and its seed. */
export function runLabel({ run, number, seed }) {
  const name = number === null ? run.slice(run.lastIndexOf("/") + 1) : `#${number}`;
  return seed === null ? name : `${name} · seed ${seed}`;
}

/** How many runs are in each state. */
export function countStates(runs) {
  const counts = {};
  for (const { state } of runs) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** What a setting is called: its values; its first run where none is known. */
export function settingName({ values, runs }, keys) {
  const short = shortKeys(keys);
  const isKnown = keys.some((key) => values[key] !== null && values[key] !== undefined);
  return isKnown ? keys.map((key, i) => `${short[i]} ${configValue(values[key])}`).join(" · ") : runs[0].run;
}

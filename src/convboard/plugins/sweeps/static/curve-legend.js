/** The settings of the plot: their colours, names, and values at the crosshair. */

import { el } from "../../shared/static/dom.js";
import { placeText } from "./curve-drawing.js";
import { nearestPoint } from "./curve-statistics.js";
import { metric, settingName, withDeviation } from "./words.js";

export class CurveLegend {
  #rows = new Map(); // by setting: {row, text, runs}
  #drawn = ""; // what the rows are of
  #pointed = null; // the setting that stands out

  /**
   * @param {{point: (id: ?string) => void, remove: (id: string) => void}} react Called for the row that is pointed at,
   *     and for the one whose button is pressed.
   */
  constructor(react) {
    this.react = react;
    this.title = el("b", {});
    this.note = el("span", { class: "quiet" });
    this.list = el("ul", {});
    const header = el("header", {}, this.title, this.note);
    this.node = el("aside", { class: "legend", "aria-label": "Settings" }, header, this.list);
  }

  /** Draw a row for each setting that is chosen, unless they are there. */
  draw({ chosen, series, colours, table, isPicked }) {
    const settings = chosen.map(({ setting }) => setting);
    const wanted = JSON.stringify([settings.map(({ id }) => id), [...colours.values()], table.keys, isPicked]);
    if (wanted !== this.#drawn) this.#drawRows(settings, colours, { keys: table.keys, isPicked });
    this.#drawn = wanted;
    const found = new Set(series.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!found.has(id)) write(row, ["no points", ""]);
  }

  #drawRows(settings, colours, { keys, isPicked }) {
    const shown = differingKeys(settings, keys);
    this.#rows = new Map(
      settings.map((setting) => {
        const [text, runs] = [el("span", {}), el("span", { class: "quiet" })];
        const value = el("span", { class: "value" }, text, runs);
        const remove = isPicked && (() => this.react.remove(setting.id));
        const row = legendRow(setting.id, settingName(setting, shown), value, colours.get(setting.id), remove);
        row.addEventListener("pointerenter", () => this.react.point(setting.id));
        row.addEventListener("pointerleave", () => this.react.point(null));
        return [setting.id, { row, text, runs }];
      }),
    );
    this.list.replaceChildren(...[...this.#rows.values()].map(({ row }) => row));
    this.note.textContent = isPicked ? "" : "the best ones; pick others in the table";
  }

  /** Write the values at a place on the x axis; at the end of each curve if it is null. */
  mark({ series, at, axis, tag, band, pointed, reach }) {
    this.title.textContent = at === null ? "Last values" : `At ${placeText(at, axis)}`;
    for (const [id, { row }] of this.#rows) row.classList.toggle("pointed", id === pointed);
    if (pointed !== this.#pointed) this.#rows.get(pointed)?.row.scrollIntoView({ block: "nearest" });
    this.#pointed = pointed;
    for (const { id, curve } of series) {
      const i = at === null ? curve.x.length - 1 : nearestPoint(curve, at, reach);
      if (this.#rows.has(id)) write(this.#rows.get(id), pointTexts(curve, i, { tag, band }));
    }
  }
}

function write({ text, runs }, [value, count]) {
  text.textContent = value;
  runs.textContent = count;
}

function legendRow(id, name, value, colour, remove) {
  const button = { type: "button", class: "remove", "aria-label": `Take out ${name}`, onclick: remove };
  return el(
    "li",
    { "data-setting": id },
    el("span", { class: "swatch", style: { background: colour } }),
    el("span", { class: "name", title: name }, name),
    remove && el("button", button, "×"),
    value,
  );
}

/** A mean with its band, and of how many runs it is. */
function pointTexts(curve, i, { tag, band }) {
  if (i < 0) return ["–", ""];
  const [low, high, mean] = [curve.low[i], curve.high[i], curve.mean[i]];
  const isRange = band === "range" && Number.isFinite(low);
  const text = isRange
    ? `${metric(tag, mean)} (${metric(tag, low)} to ${metric(tag, high)})`
    : withDeviation(tag, { mean, deviation: high - mean });
  const [count, most] = [curve.count[i], curve.most];
  return [text, count === most ? `n ${most}` : `n ${count} of ${most}`];
}

/** The keys in which some settings differ; all of them if there is a single setting. */
export function differingKeys(settings, keys) {
  if (settings.length < 2) return keys;
  return keys.filter((key) => settings.some(({ values }) => values[key] !== settings[0].values[key]));
}

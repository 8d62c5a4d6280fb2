/** The colours of settings: one of each setting's own, or by the objective or the value of a key. */

import { DISTINCT_COUNT, css, distinctColour, risingColour } from "../../shared/static/palette.js";
import { goodness } from "./goodness.js";

const NO_VALUE = { light: "#a3a9b2", dark: "#6c7077" };

/** The colour of the setting that was picked as the `index`-th one. */
export const settingColour = (index, theme) => distinctColour(theme, index);

/** By what settings are coloured if it is not chosen: by themselves, if there are colours enough. */
export const usualColouring = (chosen) =>
  chosen.some(({ index }) => index >= DISTINCT_COUNT) ? "@objective" : "@setting";

/**
 * @param {{setting: Object, index: number}[]} chosen Settings, with the place of each among those that are picked.
 * @param {{colourBy: ?string, table: Object, theme: "light"|"dark"}} how `colourBy` is a key, `@setting` or
 *     `@objective`.
 * @returns {Map<string, string>} A CSS colour for each setting's id.
 */
export function colouring(chosen, { colourBy, table, theme }) {
  const by = colourBy === null || !isColouring(colourBy, table) ? usualColouring(chosen) : colourBy;
  if (by === "@setting") return colours(chosen, ({ index }) => settingColour(index, theme));
  if (by === "@objective") {
    const good = goodness(table);
    return colours(chosen, ({ setting }) => rising(good(setting.mean), theme));
  }
  return byKey(chosen, by, table, theme);
}

/** Whether a link's `colourBy` is there in this table. */
const isColouring = (by, { keys }) => by === "@setting" || by === "@objective" || keys.includes(by);

const colours = (chosen, colourOf) => new Map(chosen.map((each) => [each.setting.id, colourOf(each)]));

const rising = (place, theme) => (place === null ? NO_VALUE[theme] : css(risingColour(theme, place)));

function byKey(chosen, key, { scales, settings }, theme) {
  const values = [...new Set(settings.map((setting) => setting.values[key]))];
  if (scales[key] === "category") {
    return colours(chosen, ({ setting }) => distinctColour(theme, values.indexOf(setting.values[key])));
  }
  const order = values.filter((value) => typeof value === "number").toSorted((a, b) => a - b);
  const place = (value) => (typeof value === "number" ? order.indexOf(value) / Math.max(1, order.length - 1) : null);
  return colours(chosen, ({ setting }) => rising(place(setting.values[key]), theme));
}

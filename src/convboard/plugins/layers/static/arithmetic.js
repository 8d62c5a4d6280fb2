/** The multiply-and-add of one value, number by number. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { plural, value, whole } from "../../shared/static/format.js";
import { grid } from "./grid.js";
import { multiplyAndAdd, pool } from "./units.js";

const ALL_NUMBERS = 50; // products up to which the whole sum is written out in one; beyond, channel by channel
const LISTED = 6; // input channels listed by themselves; the rest is one sum
const WIDTH = 350;

/**
 * @param {Object} scene The chosen layer's, see `scene.js`.
 * @param {{channel: number, row: number, column: number}} unit
 * @param {{theme: string, channel: ?number, isWrittenOut: boolean, chooseChannel: (channel: number) => void,
 *     toggleWritten: (open: boolean) => void}} how `channel`: the input channel whose grids are shown; null takes the
 *     one with the largest part.
 * @returns {{node: Node, computed: ?number}}
 */
export function convolutionSteps(scene, unit, how) {
  const { conv, input, kernels } = scene;
  const sum = multiplyAndAdd(conv, input, { weight: kernels.arrays.weight, bias: kernels.arrays.bias }, unit);
  const ordered = sum.channels.toSorted((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const shown = sum.channels.find(({ channel }) => channel === how.channel) ?? ordered[0];
  const [, , , columns] = kernels.arrays.weight.shape;
  const many = sum.channels.length > 1;
  return {
    computed: sum.value,
    node: el(
      "div",
      { class: "steps", "data-computed": sum.value },
      many ? channelList(ordered, sum, shown, conv.noun ?? "channel", how) : null,
      grids(shown, columns, many, scene, how.theme, result(sum, conv, Boolean(kernels.arrays.bias))),
      conv.padding === "same" || conv.padding?.some(Boolean)
        ? el(
            "p",
            { class: shown.inside.includes(false) ? "quiet" : "quiet unseen" },
            "Hatched: padding, zeros outside of the input.",
          )
        : null,
      written(sum, shown, conv.noun ?? "channel", how),
    ),
  };
}

/** Patch × kernel = products: in one line where the kernel is small, else the products below. */
function grids({ channel, patch, inside, kernel, products }, columns, many, { input, conv }, theme, sum) {
  const inLine = columns <= 3;
  const width = inLine ? (WIDTH - 36) / 3 : (WIDTH - 18) / 2;
  const of = many ? ` of ${conv.noun ?? "channel"} ${channel}` : "";
  const part = (slot, title, values, largest, more = {}) =>
    grid(slot, title, values, columns, { width, theme, largest, ...more });
  const all = largestMagnitude(input.data, input.offset, input.offset + input.channels * input.height * input.width);
  const sign = (text) => el("span", { class: "sign" }, text);
  const factors = [
    part("patch", `${conv.noun ? "values" : "patch"}${of}`, patch, all, { inside }),
    sign("×"),
    part("kernel", conv.noun ? "weights" : "kernel", kernel, largestMagnitude(kernel)),
  ];
  const product = part("products", inLine ? "products" : "their products", products, largestMagnitude(products), {
    inside,
  });
  if (inLine) return [el("div", { class: "grids line" }, factors, sign("="), product), sum];
  return el("div", { class: "grids" }, factors, product, sign(""), sum);
}

/** What each input channel adds: the largest first, the rest in one line. */
function channelList(ordered, sum, shown, noun, { chooseChannel }) {
  const all = plural(sum.channels.length, noun === "channel" ? "input channel" : noun);
  const listed = ordered.slice(0, LISTED);
  if (!listed.includes(shown)) listed[LISTED - 1] = shown;
  const rest = ordered.filter((part) => !listed.includes(part));
  const largest = Math.abs(ordered[0].sum) || 1;
  const line = (label, amount, attributes = {}) =>
    el(
      "button",
      { type: "button", class: "part", ...attributes },
      el("span", {}, label),
      el(
        "span",
        { class: "meter" },
        el("i", {
          class: amount < 0 ? "below" : "above",
          style: { width: `${(50 * Math.min(largest, Math.abs(amount))) / largest}%` },
        }),
      ),
      el("span", { class: "number" }, value(amount)),
    );
  return el(
    "div",
    { class: "parts", role: "group", "aria-label": "What each input channel adds" },
    el("h3", {}, `What ${all} add`),
    listed.map((part) =>
      line(`${noun} ${part.channel}`, part.sum, {
        "aria-pressed": part === shown,
        onclick: () => chooseChannel(part.channel),
      }),
    ),
    rest.length
      ? line(
          `${whole(rest.length)} others`,
          rest.reduce((total, part) => total + part.sum, 0),
          { disabled: true },
        )
      : null,
    rest.length ? channelChoice(sum, shown, noun, chooseChannel) : null,
  );
}

/** A list from which any input channel can be chosen. */
function channelChoice({ channels }, shown, noun, choose) {
  const options = channels.map(({ channel, sum }) =>
    el("option", { value: channel, selected: channel === shown.channel }, `${noun} ${channel}: ${value(sum)}`),
  );
  const select = el("select", { "aria-label": "Input channel", onchange: () => choose(Number(select.value)) }, options);
  return el("label", { class: "choice quiet" }, "number by number: ", select);
}

function result(sum, conv, hasBias) {
  const products = sum.channels.reduce((total, channel) => total + channel.products.length, 0);
  return el(
    "p",
    { class: "result" },
    el("span", {}, `sum of ${plural(products, "product")} `, el("b", {}, value(sum.sum))),
    el("span", {}, hasBias ? " + bias " : " (no bias)", hasBias ? el("b", {}, value(sum.bias)) : null),
    el("span", {}, " = ", el("b", { class: "answer" }, value(sum.value))),
  );
}

/** The sum as one writes it: term by term where it is short, else by channels, and one of these term by term. */
function written(sum, shown, noun, { isWrittenOut, toggleWritten }) {
  const details = el("details", { class: "written" }, el("summary", {}, "Written out"));
  const fill = () => details.open && details.childElementCount === 1 && details.append(...lines(sum, shown, noun));
  details.open = isWrittenOut;
  fill();
  details.addEventListener("toggle", () => {
    toggleWritten(details.open);
    fill(); // text by the hundred, written once somebody reads it
  });
  return details;
}

function lines({ channels, bias, value: total }, shown, noun) {
  const termsOf = ({ patch, kernel }) => patch.map((number, i) => `${bracket(number)}·${bracket(kernel[i])}`);
  const end = `${bias ? ` + bias ${bracket(bias)}` : ""} = ${value(total)}`;
  if (channels.length === 1 || channels.length * shown.patch.length <= ALL_NUMBERS)
    return [el("p", {}, channels.flatMap(termsOf).join(" + "), end)];
  const part = ({ channel, sum }) => (channel === shown.channel ? el("b", {}, bracket(sum)) : bracket(sum));
  return [
    el(
      "p",
      {},
      el("span", { class: "quiet" }, `${noun} ${shown.channel} `),
      termsOf(shown).join(" + "),
      " = ",
      el("b", {}, value(shown.sum)),
    ),
    el(
      "p",
      {},
      el("span", { class: "quiet" }, `all ${noun}s `),
      channels.map((channel, i) => [i ? " + " : "", part(channel)]),
      end,
    ),
  ];
}

const bracket = (number) => (number < 0 ? `(${value(number)})` : value(number));

/** The window of a pooling, and its maximum or mean. */
export function poolingSteps(scene, unit, theme) {
  const { row, input } = scene;
  const found = pool(row, input, unit);
  const { window, values, inside, winner, sum, divisor } = found;
  const columns = window.columns.length;
  const largest = largestMagnitude(
    input.data,
    input.offset,
    input.offset + input.channels * input.height * input.width,
  );
  const isLarge = values.length > 144;
  const count = inside.filter(Boolean).length;
  const at = winner === null ? null : [window.rows[Math.floor(winner / columns)], window.columns[winner % columns]];
  const says = at
    ? [
        `largest of ${plural(count, "value")}: `,
        el("b", { class: "answer" }, value(found.value)),
        ` at row ${at[0]}, column ${at[1]} of its input`,
      ]
    : [
        `sum `,
        el("b", {}, value(sum)),
        ` / ${divisor} = `,
        el("b", { class: "answer" }, value(found.value)),
        row.averages ? divides(row.averages, inside, divisor) : "",
      ];
  return {
    computed: found.value,
    node: el(
      "div",
      { class: "steps", "data-computed": found.value },
      isLarge
        ? null
        : grid("window", `window of map ${unit.channel}`, values, columns, {
            width: Math.min(WIDTH, columns * 40),
            theme,
            largest,
            inside,
            winner,
          }),
      el("p", { class: "result" }, says),
    ),
  };
}

/** Why a mean is divided by another number than that of its window's pixels inside the input. */
function divides({ divisor_override: asked }, inside, divisor) {
  const count = inside.filter(Boolean).length;
  if (asked !== null) return ` (divisor_override=${asked})`;
  if (divisor !== count) return ` (padding counts: ${count} of ${divisor} are inside)`;
  return count < inside.length ? ` (the ${count} inside; padding does not count)` : "";
}

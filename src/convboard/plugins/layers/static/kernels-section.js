/** The kernels of the chosen layer, in the layer panel. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { plural, size, whole } from "../../shared/static/format.js";
import { columns, heading, ownLine } from "./columns.js";
import { scaleBar } from "../../shared/static/scale-bar.js";
import { isShared, scalesOf, scalesText } from "./scales.js";

const HEIGHT = 420; // pixels
const MOST_UNITS = 32; // of a linear layer over maps, whose units would fill many screens

/**
 * @param {Object} context See `layer-panel.js`.
 * @returns {Node[]} One section, or none where no run has kernels of the layer.
 */
export function kernelsSection(context) {
  const { scenes, views, theme, width } = context;
  if (!scenes.some((scene) => scene.kernels)) return [];
  const [first] = scenes;
  const scales = scalesOf(scenes, ({ kernels }) => kernels && limitOf(kernels));
  const bars = scales.map((largest) => scaleBar(largest, true, theme));
  const column = (scene, i) => {
    if (!scene.kernels) return el("p", { class: "notice" }, "No kernels in this run's pictures.");
    const how = {
      theme,
      largest: scales[i],
      width,
      height: HEIGHT,
      isInColour: isOfColours(scene.conv),
      noun: isLinear(scene.conv) ? "unit" : "kernel",
    };
    const view = isMatrix(scene.conv) ? views[i].matrix : views[i].kernels;
    view.draw(drawn(scene), how);
    const bar = isShared(scales) ? null : bars[i];
    return [ownLine((at) => at.kernels && describe(at).join(" · "), scene, first), bar, view.node];
  };
  const [title, what] = first.kernels ? describe(first) : ["Kernels", ""]; // those of B are described beside them
  const more = [what, scalesText(scales)].filter(Boolean).join(" · ");
  const header = heading(title, more, isShared(scales) ? bars[0] : null);
  return [el("section", { class: "kernel-section" }, header, columns(context, column))];
}

/** The magnitude of the strongest colour: that of the run's picture, or of the weights that it holds. */
const limitOf = ({ facts, arrays }) => facts.limit ?? largestMagnitude(arrays.weight.data);

const isLinear = ({ kind }) => kind === "linear";
/** Whether a linear layer is given a vector, so that its weights are drawn as a matrix. */
const isMatrix = (conv) => isLinear(conv) && conv.kernel_size.every((side) => side === 1);

/** The weights that are drawn: of a linear layer over maps those of the first units. */
function drawn({ kernels, conv }) {
  const { weight } = kernels.arrays;
  const units = isLinear(conv) && !isMatrix(conv) ? Math.min(MOST_UNITS, weight.shape[0]) : weight.shape[0];
  return { ...weight, shape: [units, ...weight.shape.slice(1)] };
}

/** How many kernels there are, and what each one consists of. */
function describe(scene) {
  const { kernels, conv, row } = scene;
  const [count, inputs, ...sides] = drawn(scene).shape;
  const { filters } = kernels.facts;
  const why = count < kernels.arrays.weight.shape[0] ? "" : ", as many as a picture holds";
  const shown = count < filters ? ` · the first ${count} of ${whole(filters)} shown${why}` : "";
  const of = row.name === conv.name ? "" : ` of ${conv.name}`;
  if (isMatrix(conv))
    return [`Weights${of}`, `a row for each unit, a column for each of ${whole(inputs)} inputs${shown}`];
  const title = isLinear(conv) ? `Weights of ${plural(filters, "unit")}` : plural(filters ?? count, "kernel");
  const slices = isLinear(conv) ? linearSlices(conv, inputs, size(sides)) : sliceText(conv, inputs, size(sides));
  return [`${title}${of}`, `${slices}${shown}`];
}

/** What a unit over maps that were laid out weighs: a slice for each of them. */
const linearSlices = ({ inputs: [from] }, inputs, sides) =>
  inputs > 1 ? `${whole(inputs)} slices of ${sides}, one for each map of ${from}` : `${sides}, as ${from} is`;

function sliceText(conv, inputs, sides) {
  if (isOfColours(conv)) return `in colour, then a slice of ${sides} for red, green and blue`;
  return inputs > 1 ? `${whole(inputs)} slices of ${sides}, one for each input channel` : sides;
}

/** Whether a convolution's three input channels are the image's red, green and blue. */
const isOfColours = ({ inputs, input_shape: shape, groups }) =>
  inputs[0] === "input" && shape[0] === 3 && (groups ?? 1) === 1;

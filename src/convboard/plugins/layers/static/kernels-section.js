/** The kernels of the chosen layer, in the layer panel. */

import { largestMagnitude } from "../../shared/static/colours.js";
import { el } from "../../shared/static/dom.js";
import { plural, size, whole } from "../../shared/static/format.js";
import { columns, heading, ownLine } from "./columns.js";
import { scaleBar } from "./scale-bar.js";
import { isShared, scalesOf, scalesText } from "./scales.js";

const HEIGHT = 420; // pixels

/**
 * @param {Object} context See `layer-panel.js`.
 * @returns {Node[]} One section, or none where no run has kernels of the layer.
 */
export function kernelsSection(context) {
  const { scenes, views, theme, width } = context;
  const first = scenes.find((scene) => scene.kernels);
  if (!first) return [];
  const scales = scalesOf(scenes, ({ kernels }) => kernels && largestMagnitude(kernels.arrays.weight.data));
  const bars = scales.map((largest) => scaleBar(largest, true, theme));
  const column = (scene, i) => {
    if (!scene.kernels) return el("p", { class: "notice" }, "No kernels in this run's pictures.");
    const how = { theme, largest: scales[i], width, height: HEIGHT, isInColour: isOfColours(scene.conv) };
    views[i].kernels.draw(scene.kernels.arrays.weight, how);
    const bar = isShared(scales) ? null : bars[i];
    return [ownLine((at) => at.kernels && describe(at).join(" · "), scene, first), bar, views[i].kernels.node];
  };
  const [title, what] = describe(first);
  const more = [what, scalesText(scales)].filter(Boolean).join(" · ");
  const header = heading(title, more, isShared(scales) ? bars[0] : null);
  return [el("section", { class: "kernel-section" }, header, columns(context, column))];
}

/** How many kernels there are, and what each one consists of. */
function describe({ kernels, conv, row }) {
  const [drawn, inputs, ...sides] = kernels.arrays.weight.shape;
  const { filters } = kernels.facts;
  const shown = drawn < filters ? ` · the first ${drawn} of ${whole(filters)} shown, as many as a picture holds` : "";
  const of = row === conv ? "" : ` of ${conv.name}`;
  return [`${plural(filters ?? drawn, "kernel")}${of}`, `${sliceText(conv, inputs, size(sides))}${shown}`];
}

function sliceText(conv, inputs, sides) {
  if (isOfColours(conv)) return `in colour, then a slice of ${sides} for red, green and blue`;
  return inputs > 1 ? `${whole(inputs)} slices of ${sides}, one for each input channel` : sides;
}

/** Whether a convolution's three input channels are the image's red, green and blue. */
const isOfColours = ({ inputs, input_shape: shape, groups }) =>
  inputs[0] === "input" && shape[0] === 3 && (groups ?? 1) === 1;

/** The probe image, and the receptive field and arithmetic of the unit under the pointer or the pinned one. */

import { convolutionSteps, poolingSteps } from "./arithmetic.js";
import { el, oncePerFrame, place } from "../../shared/static/dom.js";
import { size, value } from "../../shared/static/format.js";
import { photo, scaleFor } from "../../shared/static/photo.js";
import { predictionLine } from "./prediction.js";
import { moduleOf, receptiveBox } from "./record.js";
import { poolingOf } from "./units.js";
import { isSameUnit, isWithin, valueAt } from "./values.js";
import { uncertainty } from "./words.js";

const SIDE = 192; // pixels of the enlarged image

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function unitPanel(store) {
  const image = imageView();
  const identity = el("div", { class: "identity" });
  const steps = el("div", { class: "arithmetic" });
  let inputChannel = null; // whose grids are shown; null: the one with the largest part
  let isWrittenOut = false;

  const draw = () => {
    const state = store.get();
    const { scene } = state;
    const unit = scene && usable(state.hover ?? state.unit, scene.output);
    image.mark(unit && seenBy(unit, scene, state.record).box, scene);
    const unpin = () => store.set({ unit: null, hover: null });
    identity.replaceChildren(...(unit ? describe(unit, state, unpin) : (describeSecond(state) ?? hint(scene))));
    const how = { theme: state.theme, channel: inputChannel, isWrittenOut, chooseChannel, toggleWritten };
    steps.replaceChildren(...(unit ? explain(scene, unit, how) : []));
  };
  const chooseChannel = (channel) => {
    const used = document.activeElement?.matches(".choice select") ? ".choice select" : '.part[aria-pressed="true"]';
    inputChannel = channel;
    draw();
    steps.querySelector(used)?.focus(); // the control that was used is drawn again, and keeps the focus
  };
  const toggleWritten = (open) => {
    isWrittenOut = open;
  };
  const predicted = el("div", { class: "predicted" });
  store.subscribe(["scene"], image.draw);
  store.subscribe(["scene", "sceneB"], (state) => predicted.replaceChildren(...predictionLine(state)));
  store.subscribe(["layer"], () => {
    inputChannel = null;
  });
  store.subscribe(["scene", "sceneB", "hover", "unit", "theme"], oncePerFrame(draw));
  return el(
    "aside",
    { class: "panel unit-panel", "aria-label": "The probe image and the chosen unit" },
    el("header", {}, image.title, predicted, image.facts),
    el("div", { class: "scroll" }, el("div", { class: "seen" }, image.node, identity), steps),
  );
}

/** The probe image, on which the receptive field of a unit can be framed. */
function imageView() {
  const title = el("h2", {}, "Image");
  const facts = el("span", { class: "quiet" });
  const node = el("div", { class: "frame" });
  const box = el("div", { class: "receptive", hidden: true });
  let drawn = null; // {images, image}

  const draw = ({ scene }) => {
    const images = scene?.probe?.arrays.images;
    if (!images) {
      drawn = null;
      title.textContent = "Image";
      facts.textContent = "";
      const text = scene?.problem ? "The probe image cannot be shown." : "The run holds no probe image.";
      node.replaceChildren(el("p", { class: "quiet" }, text));
      return;
    }
    const { image } = scene;
    const [count, , ...sides] = images.shape;
    title.textContent = `“${scene.probe.facts.names[image]}”`;
    facts.textContent = `${image + 1} of ${count} · ${size(sides)}`;
    facts.title = `probe image ${image + 1} of ${count}, ${size(sides)} pixels`;
    if (drawn?.images === images && drawn.image === image) return;
    drawn = { images, image };
    node.replaceChildren(photo(images, image, SIDE), box);
  };
  const mark = (seen, scene) => {
    const shape = scene?.probe?.arrays.images.shape;
    if (!seen || !shape) {
      delete box.dataset.box;
      place(box, null);
      return;
    }
    const { top, left, bottom, right } = seen;
    const scale = scaleFor(shape, SIDE);
    box.dataset.box = [top, left, bottom, right].join();
    place(box, { x: left * scale, y: top * scale, width: (right - left) * scale, height: (bottom - top) * scale });
  };
  return { title, facts, node, draw, mark };
}

/** The unit's name, place and value, and the pixels that it sees. */
function describe(unit, { scene, sceneB, record, hover, unit: pinned }, unpin) {
  const isVector = scene.output.height * scene.output.width === 1 && scene.row.output_shape.length === 1;
  const { box: seen, text } = seenBy(unit, scene, record);
  const other = sceneB?.output && usable(unit, sceneB.output);
  const isOther = hover && !isSameUnit(hover, pinned);
  return [
    el("h3", {}, `${scene.row.name}, ${isVector ? "unit" : "map"} ${unit.channel}`),
    isVector ? null : el("p", { class: "quiet" }, `row ${unit.row}, column ${unit.column}`),
    valueLine(scene.output, unit),
    other ? el("p", {}, "second run ", el("b", {}, value(valueAt(sceneB.output, unit)))) : null,
    text ? el("p", {}, text) : null,
    el("p", {}, seen ? pixelsOf(seen) : "sees the whole image"),
    pinned ? unpinButton(unpin, isOther) : el("p", { class: "quiet" }, "Click pins it."),
  ].filter(Boolean);
}

const valueLine = (maps, unit) =>
  el("p", { class: "value", "data-value": valueAt(maps, unit) }, value(valueAt(maps, unit)));

const unpinButton = (unpin, isOther) =>
  el(
    "button",
    { type: "button", class: "plain", onclick: unpin },
    isOther ? "another is pinned · unpin" : "pinned · unpin (Esc)",
  );

/** The pixels that a unit sees; of a number of a picture that was laid out, those of its place in the picture. */
function seenBy(unit, { row }, record) {
  const flat = flattened(row, record);
  if (!flat) return { box: receptiveBox(record, row.name, unit.row, unit.column), text: "" };
  const [, height, width] = flat.input_shape;
  const at = {
    channel: Math.floor(unit.channel / (height * width)),
    row: Math.floor((unit.channel % (height * width)) / width),
    column: unit.channel % width,
  };
  const [before] = flat.inputs;
  return {
    box: receptiveBox(record, before, at.row, at.column),
    text: `is map ${at.channel}, row ${at.row}, column ${at.column} of ${before}`,
  };
}

/** The row that laid a picture out as the vector that a row still is; null where there is none. */
function flattened(row, record) {
  let at = row;
  while (at && ["same", "activation"].includes(at.kind)) at = record.byName.get(at.inputs[0]);
  return at?.kind === "reshape" && at.input_shape.length === 3 && at.output_shape.length === 1 ? at : null;
}

function pixelsOf({ top, left, bottom, right }) {
  if (bottom - top === 1 && right - left === 1) return `sees one pixel: row ${top}, column ${left}`;
  return `sees ${bottom - top}×${right - left} pixels: rows ${top}–${bottom - 1}, columns ${left}–${right - 1}`;
}

/** Of a unit of the second run that the first one lacks, its value; null where none is pointed at. */
function describeSecond({ scene, sceneB, hover, unit }) {
  const pointed = usable(hover ?? unit, sceneB?.output);
  if (!scene || !pointed) return null;
  const { row, output } = sceneB;
  const { channel } = pointed;
  const at =
    row.output_shape.length === 1 ? `unit ${channel}` : `map ${channel}, row ${pointed.row}, column ${pointed.column}`;
  return [
    el("h3", {}, `${row.name} of B, ${at}`),
    valueLine(output, pointed),
    el("p", {}, scene.output ? "A has no such unit." : "Of A there are no numbers."),
  ];
}

/** A unit that the layer has; null where it was pinned in a larger one. */
const usable = (unit, maps) => (unit && isWithin(unit, maps) ? unit : null);

function hint(scene) {
  if (!scene?.output) {
    const isBroken = Boolean(scene?.problem);
    const text = isBroken
      ? "The middle panel says why its numbers cannot be shown."
      : "This row has no numbers of its own.";
    return [quiet(text)];
  }
  const what = scene.row.output_shape.length === 1 ? "a bar" : "a feature map";
  return [
    el("p", { class: "lead" }, `Point at ${what}`),
    quiet(
      "to see which pixels the unit sees and how its value is computed. A click pins the unit; U takes the strongest.",
    ),
  ];
}

/** The steps to a unit's value, or why there are none. */
function explain(scene, unit, how) {
  const { row, conv, output } = scene;
  if (row.kind === "input") return [pixel(scene, unit)];
  if (row.kind === "pooling") return explainPooling(scene, unit, how);
  if (conv) return explainConvolution(scene, unit, how);
  return [quiet(output.from ? `The numbers are ${output.from}.` : "")];
}

const quiet = (text) => el("p", { class: "quiet" }, text);

function explainPooling(scene, unit, { theme }) {
  const { row, input, output } = scene;
  if (!poolingOf(row)) return [el("p", { class: "notice" }, uncertainty(row))];
  if (!input) return [missingInput(scene, row)];
  const steps = poolingSteps(scene, unit, theme);
  return compared(steps, valueAt(output, unit), output, "divide by another number than that of its window");
}

function explainConvolution(scene, unit, how) {
  const { row, conv, kernels, output } = scene;
  const name = moduleOf(conv.name);
  const what = conv.kind === "linear" ? "weights" : "kernels";
  if (!kernels) return [quiet(`${name}'s ${what} are not in this run's pictures.`)];
  const [drawn] = kernels.arrays.weight.shape;
  if (unit.channel >= drawn) {
    const of = conv.kind === "linear" ? `the weights of the first ${drawn} units` : `the first ${drawn} kernels`;
    return [quiet(`The picture of ${name} holds ${of}; this unit's are not among them.`)];
  }
  if (!scene.input) return [missingInput(scene, conv)];
  const steps = convolutionSteps(scene, unit, how);
  const recorded = valueAt(output, unit);
  if (row.name === conv.name) return compared(steps, recorded, output, "pad with something else than zeros");
  const computed = value(steps.computed);
  const activated = /^relu$/i.test(row.type) ? `max(0, ${computed})` : `${row.type}(${computed})`;
  const answer = el("b", { class: "answer" }, value(recorded));
  const isRelu = /^relu$/i.test(row.type);
  const rounding = isRelu && recorded > 0 ? roundingNote(steps.computed, recorded) : "";
  return [
    steps.node,
    el("p", { class: "result" }, `${row.name}: ${activated} = `, answer),
    rounding ? el("p", { class: "quiet check" }, rounding) : "",
  ];
}

/** The recorded value after the computed one; where they differ, the likely cause. */
function compared({ node, computed }, recorded, output, doubt) {
  const isClose = Math.abs(computed - recorded) <= 0.01 * Math.max(1, Math.abs(recorded));
  const from = output.from.startsWith("recorded") ? "recorded in the run" : output.from;
  const verdict = Number.isFinite(recorded) && !isClose ? ` They differ: the layer may ${doubt}.` : "";
  const rounding = isClose ? roundingNote(computed, recorded) : "";
  return [node, el("p", { class: "quiet check" }, `${from}: ${value(recorded)}.${verdict}${rounding}`)];
}

/** Why two numbers that are the same differ in their last digit; empty where they do not. */
const roundingNote = (computed, recorded) =>
  value(computed) === value(recorded) ? "" : " It is recorded in half precision: the last digit is rounded otherwise.";

function pixel({ probe, output, image }, unit) {
  const { images } = probe.arrays;
  const byte =
    images.data[((image * output.channels + unit.channel) * output.height + unit.row) * output.width + unit.column];
  const { mean, std } = probe.facts;
  return el(
    "p",
    { class: "result" },
    `(${byte}/255 − ${value(mean[unit.channel])}) / ${value(std[unit.channel])} = `,
    el("b", { class: "answer" }, value(valueAt(output, unit))),
  );
}

function missingInput({ inputImages, image }, row) {
  const given = `What ${row.name} was given (${size(row.input_shape)})`;
  if (!inputImages) {
    return notice(`${given} is in no picture of this run, so its multiply-and-add cannot be shown.`);
  }
  const kept = inputImages === 1 ? "the first probe image" : `the first ${inputImages} probe images`;
  const choice = inputImages === 1 ? "image 1" : `one of images 1 to ${inputImages}`;
  return notice(
    `${given} is kept for ${kept} only, not for image ${image + 1}. Choose ${choice} to see the multiply-and-add.`,
  );
}

const notice = (text) => el("p", { class: "notice" }, text);

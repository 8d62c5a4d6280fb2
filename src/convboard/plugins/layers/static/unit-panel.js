/** The probe image, and of the unit that is pointed at: what it sees, and how its value comes about. */

import { convolutionSteps, poolingSteps } from "./arithmetic.js";
import { el, oncePerFrame, place } from "./dom.js";
import { size, value } from "./format.js";
import { photo, scaleFor } from "./photo.js";
import { moduleOf, receptiveBox } from "./record.js";
import { poolingOf } from "./units.js";
import { isWithin, valueAt } from "./values.js";
import { uncertainty } from "./words.js";

const SIDE = 192; // pixels of the enlarged image

/** @param {ReturnType<import("./store.js").createStore>} store */
export function unitPanel(store) {
  const title = el("h2", {}, "Image");
  const facts = el("span", { class: "quiet" });
  const picture = el("div", { class: "frame" });
  const box = el("div", { class: "receptive", hidden: true });
  const identity = el("div", { class: "identity" });
  const steps = el("div", { class: "arithmetic" });
  let inputChannel = null;
  let isWrittenOut = false;
  let drawnImage = null;

  const drawImage = ({ scene }) => {
    const images = scene?.probe?.arrays.images;
    title.textContent = images ? `“${scene.probe.facts.names[scene.image]}”` : "Image";
    facts.textContent = images
      ? `probe image ${scene.image + 1} of ${images.shape[0]} · ${size(images.shape.slice(2))} pixels`
      : "";
    if (images && drawnImage?.images === images && drawnImage.image === scene.image) return;
    drawnImage = images ? { images, image: scene.image } : null;
    picture.replaceChildren(
      ...(images
        ? [photo(images, scene.image, SIDE), box]
        : [
            el(
              "p",
              { class: "quiet" },
              scene?.problem ? "The probe image cannot be shown." : "The run holds no probe image.",
            ),
          ]),
    );
  };

  const drawUnit = () => {
    const state = store.get();
    const { scene, sceneB, record } = state;
    const unit = scene && usable(state.hover ?? state.unit, scene.output);
    drawBox(unit, scene, record);
    identity.replaceChildren(...(unit ? about(unit, state) : (aboutSecond(state) ?? hint(scene))));
    if (!unit) {
      steps.replaceChildren();
      return;
    }
    const how = {
      theme: state.theme,
      channel: inputChannel,
      isWrittenOut,
      chooseChannel: (channel) => {
        const used = document.activeElement?.matches(".choice select")
          ? ".choice select"
          : '.part[aria-pressed="true"]';
        inputChannel = channel;
        drawUnit();
        steps.querySelector(used)?.focus(); // what was used is drawn anew, and stays in use
      },
      toggleWritten: (open) => {
        isWrittenOut = open;
      },
    };
    steps.replaceChildren(...explain(scene, unit, how));
  };

  const drawBox = (unit, scene, record) => {
    const seen = unit && seenBy(unit, scene, record).box;
    const shape = scene?.probe?.arrays.images.shape;
    if (!seen || !shape) {
      delete box.dataset.box;
      place(box, null);
      return;
    }
    const scale = scaleFor(shape, SIDE);
    box.dataset.box = [seen.top, seen.left, seen.bottom, seen.right].join();
    place(box, {
      x: seen.left * scale,
      y: seen.top * scale,
      width: (seen.right - seen.left) * scale,
      height: (seen.bottom - seen.top) * scale,
    });
  };

  store.subscribe(["scene"], drawImage);
  store.subscribe(["layer"], () => {
    inputChannel = null;
  });
  store.subscribe(["scene", "sceneB", "hover", "unit", "theme"], oncePerFrame(drawUnit));

  const about = (unit, { scene, sceneB, record, hover, unit: pinned }) => {
    const isVector = scene.output.height * scene.output.width === 1 && scene.row.output_shape.length === 1;
    const { box: seen, text } = seenBy(unit, scene, record);
    const other = sceneB?.output && usable(unit, sceneB.output);
    return [
      el("h3", {}, isVector ? `${scene.row.name}, unit ${unit.channel}` : `${scene.row.name}, map ${unit.channel}`),
      isVector ? null : el("p", { class: "quiet" }, `row ${unit.row}, column ${unit.column}`),
      el("p", { class: "value", "data-value": valueAt(scene.output, unit) }, value(valueAt(scene.output, unit))),
      other ? el("p", {}, "second run ", el("b", {}, value(valueAt(sceneB.output, unit)))) : null,
      text ? el("p", {}, text) : null,
      el("p", {}, seen ? pixelsOf(seen) : "sees the whole image"),
      pinned
        ? el(
            "button",
            { type: "button", class: "plain", onclick: () => store.set({ unit: null, hover: null }) },
            hover && !isSame(hover, pinned) ? "another is pinned · unpin" : "pinned · unpin (Esc)",
          )
        : el("p", { class: "quiet" }, "Click pins it."),
    ].filter(Boolean);
  };

  return el(
    "aside",
    { class: "panel unit-panel", "aria-label": "The probe image and the chosen unit" },
    el("header", {}, title, facts),
    el("div", { class: "scroll" }, el("div", { class: "seen" }, picture, identity), steps),
  );
}

const isSame = (a, b) => a.channel === b.channel && a.row === b.row && a.column === b.column;

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
function aboutSecond({ scene, sceneB, hover, unit }) {
  const pointed = usable(hover ?? unit, sceneB?.output);
  if (!scene || !pointed) return null;
  const { row, output } = sceneB;
  const at =
    row.output_shape.length === 1
      ? `unit ${pointed.channel}`
      : `map ${pointed.channel}, row ${pointed.row}, column ${pointed.column}`;
  return [
    el("h3", {}, `${row.name} of B, ${at}`),
    el("p", { class: "value", "data-value": valueAt(output, pointed) }, value(valueAt(output, pointed))),
    el("p", {}, scene.output ? "A has no such unit." : "Of A there are no numbers."),
  ];
}

/** A unit that the layer has; null where it was pinned in a larger one. */
const usable = (unit, maps) => (unit && isWithin(unit, maps) ? unit : null);

function hint(scene) {
  if (!scene?.output)
    return [
      el(
        "p",
        { class: "quiet" },
        scene?.problem
          ? "Its numbers cannot be shown: why, stands in the middle."
          : "This row has no numbers of its own to point at.",
      ),
    ];
  const what = scene.row.output_shape.length === 1 ? "a bar" : "a feature map";
  return [
    el("p", { class: "lead" }, `Point at ${what}`),
    el(
      "p",
      { class: "quiet" },
      "to see which pixels the unit sees and how its value comes about. A click pins the unit; U takes the strongest.",
    ),
  ];
}

/** The steps to a unit's value, or why there are none. */
function explain(scene, unit, how) {
  const { row, conv, output } = scene;
  const recorded = valueAt(output, unit);
  if (row.kind === "input") return [pixel(scene, unit)];
  if (row.kind === "linear")
    return [
      el(
        "p",
        { class: "quiet" },
        `The sum of ${row.input_shape.at(-1)} products and a bias. The weights of linear layers are in no picture: their histograms are in the Histograms tab, as weights/${row.name}.weight.`,
      ),
    ];
  if (row.kind === "pooling") {
    if (!poolingOf(row)) return [el("p", { class: "notice" }, uncertainty(row))];
    if (!scene.input) return [missingInput(scene, row)];
    return compared(
      poolingSteps(scene, unit, how.theme),
      recorded,
      output,
      "divide by another number than that of its window",
    );
  }
  if (!conv) return [el("p", { class: "quiet" }, output.from ? `The numbers are ${output.from}.` : "")];
  if (!scene.kernels)
    return [el("p", { class: "quiet" }, `${moduleOf(conv.name)}'s kernels are not in this run's pictures.`)];
  if (unit.channel >= scene.kernels.arrays.weight.shape[0])
    return [
      el(
        "p",
        { class: "quiet" },
        `The picture of ${moduleOf(conv.name)} holds the first ${scene.kernels.arrays.weight.shape[0]} kernels; this unit's is not among them.`,
      ),
    ];
  if (!scene.input) return [missingInput(scene, conv)];
  const steps = convolutionSteps(scene, unit, how);
  if (row === conv) return compared(steps, recorded, output, "pad with something else than zeros");
  const isRelu = /^relu$/i.test(row.type);
  const then = el(
    "p",
    { class: "result" },
    isRelu
      ? `${row.name}: max(0, ${value(steps.computed)}) = `
      : `${row.name}: ${row.type}(${value(steps.computed)}) = `,
    el("b", { class: "answer" }, value(recorded)),
  );
  return [steps.node, then];
}

/** The computed value beside the recorded one; where they differ, what the layer may do. */
function compared({ node, computed }, recorded, output, doubt) {
  const isClose = Math.abs(computed - recorded) <= 0.01 * Math.max(1, Math.abs(recorded));
  const from = output.from.startsWith("recorded") ? "recorded in the run" : output.from;
  const verdict = Number.isFinite(recorded) && !isClose ? ` They differ: the layer may ${doubt}.` : "";
  return [node, el("p", { class: "quiet check" }, `${from}: ${value(recorded)}.${verdict}`)];
}

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
  const shape = size(row.input_shape);
  const text = inputImages
    ? `What ${row.name} was given (${shape}) is kept for ${inputImages === 1 ? "the first probe image" : `the first ${inputImages} probe images`} only, not for image ${image + 1}. Choose ${inputImages === 1 ? "image 1" : `one of images 1 to ${inputImages}`} to see the multiply-and-add.`
    : `What ${row.name} was given (${shape}) is in no picture of this run, so its multiply-and-add cannot be shown.`;
  return el("p", { class: "notice" }, text);
}

/**
 * The numbers of a layer at one step: from its own picture, from that of a neighbouring layer, or computed from those.
 * Everything is found through `LayerValues`, which also says where a number comes from.
 */

import { getNumbers } from "../../shared/static/numbers.js";
import { asKernels } from "./linear.js";
import { isActivation, moduleOf, tagOf } from "./record.js";
import { poolAll, poolingOf } from "./units.js";

const POINTWISE = {
  relu: (x) => (x > 0 ? x : 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** The picture recorded at `step`, or the last one before it; null where there is none. */
export function pictureAt(pictures, tag, step) {
  const recorded = pictures[tag] ?? [];
  return recorded.findLast((picture) => picture.step <= step) ?? null;
}

/**
 * One image's maps (`height` × `width` each) or vector (`height` = `width` = 1).
 * @typedef {{data: Float32Array, channels: number, height: number, width: number, offset: number, from: string,
 *     images: number, limit: ?number}} Maps `from` says where the numbers come from; `images`: for how many probe
 *     images there are any; `limit`: the magnitude of the strongest colour in the run's picture of them, if known.
 */

export class LayerValues {
  /**
   * @param {Object} run `{record, pictures}`.
   * @param {number} step
   * @param {number} image Which probe image.
   */
  constructor({ record, pictures }, step, image) {
    this.record = record;
    this.pictures = pictures;
    this.step = step;
    this.image = image;
    this.known = new Map();
    this.inputImages = new Map(); // layer to the number of probe images for which its input was kept
  }

  /** The numbers of a picture, with the step it is of; null where the run has no such picture. */
  async picture(tag) {
    const found = pictureAt(this.pictures, tag, this.step);
    return found && { ...(await getNumbers(found.key)), step: found.step };
  }

  probe() {
    return this.picture("input/probe");
  }

  /** The weights of a convolution, or those of a linear layer as kernels; see `linear.js`. */
  async kernels(row) {
    const isLinear = row.kind === "linear";
    const picture = await this.picture(`${isLinear ? "weight_matrix" : "kernels"}/${tagOf(moduleOf(row.name))}`);
    if (!picture || !isLinear) return picture;
    return { ...picture, arrays: { ...picture.arrays, weight: asKernels(picture.arrays.weight, row) } };
  }

  /** The picture of a convolution's maps, of this very call; null where there is none. */
  async maps(row) {
    if (row.kind !== "convolution") return null;
    const picture = await this.picture(`feature_maps/${tagOf(row.name)}`);
    const sides = picture?.arrays.before?.shape.slice(-2);
    return sides && sides.every((side, i) => side === row.output_shape[i + 1]) ? picture : null;
  }

  /** @returns {Promise<?Maps>} The output of a row for the image; null where it is not known. */
  output(row) {
    if (!this.known.has(row.name)) this.known.set(row.name, this.findOutput(row));
    return this.known.get(row.name);
  }

  /** @returns {Promise<?Maps>} The input of a row, all channels of it; null where that was not kept. */
  async input(row) {
    const picture = await this.maps(row);
    if (picture?.facts.input_is_image) return this.output(this.record.byName.get("input"));
    if (picture?.arrays.input) {
      const own = this.cut(picture.arrays.input, `what ${row.name} was given`);
      if (own) return own;
      this.inputImages.set(row.name, picture.arrays.input.shape[0]);
    }
    const before = this.record.byName.get(row.inputs[0]);
    const maps = before && (await this.output(before));
    return maps && maps.channels === row.input_shape[0] ? maps : null;
  }

  async findOutput(row) {
    if (row.kind === "input") return this.imageMaps();
    if (row.kind === "convolution") return this.ofConvolution(row);
    if (row.kind === "linear") return this.ofLinear(row);
    const given = await this.asInput(row);
    if (!given) return this.worked(row);
    const drawn = row.kind === "activation" ? await this.pictureBefore(row) : null;
    return drawn ? withLimit(given, drawn) : given;
  }

  async ofConvolution(row) {
    const picture = await this.maps(row);
    return picture && withLimit(this.cut(picture.arrays.before, `recorded at ${row.name}`), picture);
  }

  async ofLinear(row) {
    const vector = (await this.probe())?.arrays[`vector:${row.name}`];
    return vector ? this.cut(vector, `recorded at ${row.name}`) : null;
  }

  /** The network's input: the image normalised to mean 0 and deviation 1 over the training split. */
  async imageMaps() {
    const probe = await this.probe();
    const images = probe && this.cut(probe.arrays.images, "the normalised probe image");
    if (!images) return null;
    const area = images.height * images.width;
    const data = new Float32Array(images.channels * area);
    const { mean, std } = probe.facts;
    for (let i = 0; i < data.length; i++) {
      const channel = Math.floor(i / area);
      data[i] = (images.data[images.offset + i] / 255 - mean[channel]) / std[channel];
    }
    return { ...images, data, offset: 0 };
  }

  /** A row whose output a convolution was given. */
  async asInput(row) {
    for (const next of this.record.consumers.get(row.name)) {
      const picture = await this.maps(next);
      const maps = picture?.arrays.input && this.cut(picture.arrays.input, `recorded as the input of ${next.name}`);
      if (maps) return maps;
    }
    return null;
  }

  /** What can be computed from the output of the row before. */
  async worked(row) {
    const recorded = row.kind === "activation" ? await this.afterActivation(row) : null;
    if (recorded) return recorded;
    const compute = COMPUTED[row.kind];
    if (!compute || row.inputs.length !== 1 || (row.kind === "pooling" && !poolingOf(row))) return null;
    const before = this.record.byName.get(row.inputs[0]);
    const maps = before && (await this.output(before));
    return maps ? compute(row, maps, `worked out from ${before.name}`, before) : null;
  }

  /** A convolution's picture has its maps after the activation that answers to it, perhaps behind norm and pooling. */
  async afterActivation(row) {
    const picture = await this.pictureBefore(row);
    if (!picture) return null;
    const from = `recorded at ${picture.facts.layer}, after its activation`;
    if (picture.facts.after_is_relu) {
      const maps = this.cut(picture.arrays.before, from);
      return maps && withLimit({ ...mapped(maps, POINTWISE.relu), from }, picture);
    }
    return picture.arrays.after ? withLimit(this.cut(picture.arrays.after, from), picture) : null;
  }

  /** The picture of the convolution that an activation answers to; null where there is none. */
  async pictureBefore(row) {
    let before = row;
    do {
      if (before.inputs.length !== 1) return null;
      before = this.record.byName.get(before.inputs[0]);
    } while (before && ["norm", "pooling", "same"].includes(before.kind));
    const picture = before && (await this.maps(before));
    return picture?.facts.activation && isActivation(row, picture.facts.activation) ? picture : null;
  }

  /** The chosen image's part of an array `[images, channels, …]`; null where it has fewer images. */
  cut({ data, shape }, from) {
    const [images, channels, height = 1, width = 1] = shape;
    if (this.image >= images) return null;
    return { data, channels, height, width, offset: this.image * channels * height * width, from, images };
  }
}

/** How the output of a row is computed from that of the row before; null where it cannot be. */
const COMPUTED = {
  same: (_row, maps) => maps,
  pooling: (row, maps, from) => ({ ...poolAll(row, maps), images: maps.images, from }),
  activation(row, maps, from) {
    const pointwise = POINTWISE[row.type.toLowerCase()];
    return pointwise ? { ...mapped(maps, pointwise), from } : null;
  },
  /** Many maps become one vector, where all of them are known. */
  reshape(row, maps, _from, before) {
    const count = maps.channels * maps.height * maps.width;
    if (row.output_shape.length !== 1 || count !== row.output_shape[0]) return null;
    return { ...maps, channels: count, height: 1, width: 1, from: `${before.name}, laid out in a row` };
  },
};

/** Maps with the scale of the picture that draws them; earlier pictures do not tell it. */
const withLimit = (maps, { facts }) => maps && { ...maps, limit: facts.limit };

function mapped(maps, pointwise) {
  const count = maps.channels * maps.height * maps.width;
  const data = Float32Array.from(maps.data.subarray(maps.offset, maps.offset + count), pointwise);
  return { ...maps, data, offset: 0 };
}

/** Whether two units are the same one; both may be null. */
export const isSameUnit = (a, b) =>
  a === b || Boolean(a && b && a.channel === b.channel && a.row === b.row && a.column === b.column);

/** Whether maps have a unit; it may have been pinned in larger ones. */
export const isWithin = ({ channel, row, column }, maps) =>
  Boolean(maps) && channel < maps.channels && row < maps.height && column < maps.width;

/** The value of a unit. */
export const valueAt = (maps, { channel, row, column }) =>
  maps.data[maps.offset + (channel * maps.height + row) * maps.width + column];

/** The unit with the largest value of all that are known. */
export function strongestUnit(maps) {
  const area = maps.height * maps.width;
  let best = 0;
  for (let i = 1; i < maps.channels * area; i++)
    if (maps.data[maps.offset + i] > maps.data[maps.offset + best]) best = i;
  return { channel: Math.floor(best / area), row: Math.floor((best % area) / maps.width), column: best % maps.width };
}

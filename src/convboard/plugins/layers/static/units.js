/** The arithmetic of one unit: the products of a convolution, the window of a pooling. Nothing is drawn here. */

/**
 * How far above and left of the first pixel the first window begins.
 * "same" puts the smaller half of an odd padding first, as torch does.
 * @returns {[number, number]} Rows and columns.
 */
export function paddingBefore(layer) {
  const dilation = layer.dilation ?? [1, 1];
  if (layer.padding === "same") return layer.kernel_size.map((side, i) => Math.floor((dilation[i] * (side - 1)) / 2));
  return Array.isArray(layer.padding) ? layer.padding : [0, 0];
}

/** The pixels (row, column) of the layer's input under the window of unit (`row`, `column`); some may lie outside. */
export function windowOf(layer, row, column) {
  const [height, width] = layer.kernel_size;
  const [down, right] = layer.dilation ?? [1, 1];
  const [strideDown, strideRight] = layer.stride ?? layer.kernel_size;
  const [top, left] = paddingBefore(layer);
  const rows = Array.from({ length: height }, (_, i) => row * strideDown - top + i * down);
  const columns = Array.from({ length: width }, (_, i) => column * strideRight - left + i * right);
  return { rows, columns };
}

/** The window of an adaptive pooling, whose windows' sizes differ: from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉. */
export function adaptiveWindow(layer, row, column) {
  const range = (i, inside, outside) => {
    const from = Math.floor((i * inside) / outside);
    return Array.from({ length: Math.ceil(((i + 1) * inside) / outside) - from }, (_, k) => from + k);
  };
  const [height, width] = layer.input_shape.slice(-2);
  const [rows, columns] = layer.output_shape.slice(-2);
  return { rows: range(row, height, rows), columns: range(column, width, columns) };
}

/**
 * The values under a window in one channel.
 * @param {{data: Float32Array, channels: number, height: number, width: number, offset: number}} maps One image's maps.
 * @returns {{values: number[], inside: boolean[]}} Row by row; padding is zero and not inside.
 */
export function patchOf(maps, channel, { rows, columns }) {
  const values = [];
  const inside = [];
  const start = maps.offset + channel * maps.height * maps.width;
  for (const row of rows) {
    for (const column of columns) {
      const isInside = row >= 0 && row < maps.height && column >= 0 && column < maps.width;
      inside.push(isInside);
      values.push(isInside ? maps.data[start + row * maps.width + column] : 0);
    }
  }
  return { values, inside };
}

/**
 * The multiply-and-add of one unit of a convolution.
 * @param {Object} layer Its row of the record.
 * @param {Object} maps What it was given, for one image; see `patchOf`.
 * @param {{weight: {data: Float32Array, shape: number[]}, bias: ?{data: Float32Array}}} kernels
 * @param {{channel: number, row: number, column: number}} unit
 * @returns {{window: Object, channels: {channel: number, patch: number[], inside: boolean[], kernel: number[],
 *     products: number[], sum: number}[], sum: number, bias: number, value: number}} `channels` has the input
 *     channels that this kernel sees, in their order: all of them, or those of its group.
 */
export function multiplyAndAdd(layer, maps, kernels, unit) {
  const [, inEach, height, width] = kernels.weight.shape;
  const group = Math.floor(unit.channel / (layer.output_shape[0] / (layer.groups ?? 1)));
  const window = windowOf(layer, unit.row, unit.column);
  const channels = [];
  for (let i = 0; i < inEach; i++) {
    const channel = group * inEach + i;
    const { values: patch, inside } = patchOf(maps, channel, window);
    const start = (unit.channel * inEach + i) * height * width;
    const kernel = Array.from(kernels.weight.data.subarray(start, start + height * width));
    const products = patch.map((value, k) => value * kernel[k]);
    channels.push({ channel, patch, inside, kernel, products, sum: total(products) });
  }
  const sum = total(channels.map((channel) => channel.sum));
  const bias = kernels.bias ? kernels.bias.data[unit.channel] : 0;
  return { window, channels, sum, bias, value: sum + bias };
}

const MAXIMUM = /^(adaptive)?maxpool2d$/;
const MEAN = /^(adaptive)?avgpool2d$/;
const isAdaptive = (layer) => /^adaptive/i.test(layer.type);

/**
 * The operation of a pooling, where the record determines it. A mean over padding, or in a window that
 * hangs over, is divided by a number that depends on options which records of earlier versions do not hold.
 * @returns {"maximum"|"mean"|null} null: not certain.
 */
export function poolingOf(layer) {
  const type = layer.type.replaceAll("_", "").toLowerCase();
  if (!isAdaptive(layer) && !layer.kernel_size) return null;
  if (MAXIMUM.test(type)) return "maximum";
  return MEAN.test(type) && (isAdaptive(layer) || layer.averages || liesInside(layer)) ? "mean" : null;
}

/** Whether no window of a layer reaches beyond its input. */
function liesInside(layer) {
  if (paddingBefore(layer).some(Boolean)) return false;
  const outputs = layer.output_shape.slice(-2);
  const strides = layer.stride ?? layer.kernel_size;
  return layer.input_shape.slice(-2).every((side, i) => (outputs[i] - 1) * strides[i] + layer.kernel_size[i] <= side);
}

/** The divisor of a mean: the size of the window without what lies beyond the padding, or `divisor_override`. */
function divisorOf(layer, { rows, columns }, inside) {
  if (isAdaptive(layer) || !layer.averages) return inside.length;
  if (layer.averages.divisor_override !== null) return layer.averages.divisor_override;
  if (!layer.averages.count_include_pad) return inside.filter(Boolean).length;
  const [height, width] = layer.input_shape.slice(-2);
  const [below, right] = paddingBefore(layer);
  return rows.filter((row) => row < height + below).length * columns.filter((column) => column < width + right).length;
}

/**
 * The result of a pooling for one window, for a pooling that `poolingOf` knows.
 * @returns {{window: Object, values: number[], inside: boolean[], winner: ?number, sum: number, divisor: number,
 *     value: number}} `winner` is the place of the largest value, of a maximum alone; `sum` and `divisor` are a mean's.
 */
export function pool(layer, maps, unit) {
  const window = (isAdaptive(layer) ? adaptiveWindow : windowOf)(layer, unit.row, unit.column);
  const { values, inside } = patchOf(maps, unit.channel, window);
  if (poolingOf(layer) === "maximum") {
    let winner = null;
    values.forEach((value, i) => {
      if (inside[i] && (winner === null || value > values[winner] || Number.isNaN(value))) winner = i;
    });
    return { window, values, inside, winner, value: winner === null ? -Infinity : values[winner] };
  }
  const sum = total(values);
  const divisor = divisorOf(layer, window, inside);
  return { window, values, inside, winner: null, sum, divisor, value: sum / divisor };
}

/** The whole output of a pooling for one image. */
export function poolAll(layer, maps) {
  const [height, width] = layer.output_shape.slice(-2);
  const data = new Float32Array(maps.channels * height * width);
  let i = 0;
  for (let channel = 0; channel < maps.channels; channel++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) data[i++] = pool(layer, maps, { channel, row, column }).value;
  return { data, channels: maps.channels, height, width, offset: 0 };
}

/** Softmax of scores. The largest is subtracted first, so that no exponential overflows. */
export function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = total(powers);
  return powers.map((power) => power / sum);
}

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

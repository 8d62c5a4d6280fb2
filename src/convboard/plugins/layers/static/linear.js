/** A linear layer as the convolution that it is: its kernel covers the whole of its input. Pure. */

const PASSING = new Set(["same", "reshape"]);

/**
 * The maps that a linear layer's inputs were laid out from; null where it is given a vector.
 * @param {Object} row Of the linear layer.
 * @param {Object} record
 */
function source(row, record) {
  let before = record.byName.get(row.inputs[0]);
  let flat = null;
  while (before && PASSING.has(before.kind)) {
    flat = before;
    before = record.byName.get(before.inputs[0]);
  }
  const shape = before?.output_shape ?? [];
  const isWhole = shape.length === 3 && shape[0] * shape[1] * shape[2] === row.input_shape.at(-1);
  return flat && isWhole ? before : null;
}

/**
 * A row of the record in which a linear layer is a convolution: over the maps that were laid out for it, or over as
 * many channels of one pixel as it has inputs.
 * @param {Object} row Of a linear layer that is given one vector.
 * @param {Object} record
 * @returns {?Object} null for a linear layer that is given something else.
 */
export function asConvolution(row, record) {
  if (row.output_shape.length !== 1 || row.input_shape?.length !== 1) return null;
  const maps = source(row, record);
  const shape = maps ? maps.output_shape : [row.input_shape[0], 1, 1];
  return {
    ...row,
    inputs: [maps ? maps.name : row.inputs[0]],
    input_shape: shape,
    output_shape: [row.output_shape[0], 1, 1],
    kernel_size: shape.slice(1),
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
    noun: maps ? "map" : "input", // what a channel is
  };
}

/** A layer's weights `[units, inputs]` as kernels `[units, channels, height, width]` of `asConvolution`. */
export const asKernels = (weight, { input_shape: shape }) => ({ ...weight, shape: [weight.shape[0], ...shape] });

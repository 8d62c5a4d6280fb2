/** Paints many small arrays on one canvas, each number as a square of whole pixels. */

import { colouring } from "./colours.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} area In CSS pixels; a canvas pixel is one of them.
 * @param {{x: number, y: number, rows: number, columns: number, scale: number, data: ArrayLike<number>,
 *     offset: number}[]} tiles
 * @param {"light"|"dark"} theme
 * @param {number} largest The magnitude of the strongest colour.
 * @param {?number[]} frame Red, green and blue of a line around each tile; null for none.
 */
export function paintTiles(canvas, { width, height }, tiles, theme, largest, frame = null) {
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const colour = colouring(theme, largest);
  if (frame)
    for (const tile of tiles)
      surround(pixels, width, height, tile, (255 << 24) | (frame[2] << 16) | (frame[1] << 8) | frame[0]);
  for (const tile of tiles) (tile.scale >= 1 ? enlarge : reduce)(pixels, width, tile, colour);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** A line of one pixel around a tile; what the tile covers is painted over. */
function surround(pixels, width, height, { x, y, rows, columns, scale }, colour) {
  const [left, right] = [Math.max(0, x - 1), Math.min(width, x + Math.ceil(columns * scale) + 1)];
  for (let line = Math.max(0, y - 1); line < Math.min(height, y + Math.ceil(rows * scale) + 1); line++)
    pixels.fill(colour, line * width + left, line * width + right);
}

function enlarge(pixels, width, { x, y, rows, columns, scale, data, offset }, colour) {
  for (let row = 0; row < rows; row++) {
    const first = (y + row * scale) * width + x;
    for (let column = 0; column < columns; column++) {
      const start = first + column * scale;
      pixels.fill(colour(data[offset + row * columns + column]), start, start + scale);
    }
    for (let i = 1; i < scale; i++) pixels.copyWithin(first + i * width, first, first + columns * scale);
  }
}

/** Reduce an array that is larger than its tile: each pixel shows the number furthest from zero. */
function reduce(pixels, width, tile, colour) {
  const [down, across] = [tile.rows, tile.columns].map((count) => Math.floor(count * tile.scale));
  for (let row = 0; row < down; row++)
    for (let column = 0; column < across; column++)
      pixels[(tile.y + row) * width + tile.x + column] = colour(tile.data[strongestIn(tile, row, column)]);
}

/** The index of the number that a pixel of a reduced array shows: the one furthest from zero, or one that is NaN. */
export function strongestIn({ rows, columns, scale, data, offset }, row, column) {
  let strongest = offset + Math.floor(row / scale) * columns + Math.floor(column / scale);
  for (let r = Math.floor(row / scale); r < Math.min(rows, (row + 1) / scale); r++)
    for (let c = Math.floor(column / scale); c < Math.min(columns, (column + 1) / scale); c++) {
      const at = offset + r * columns + c;
      if (Math.abs(data[at]) > Math.abs(data[strongest]) || Number.isNaN(data[at])) strongest = at;
    }
  return strongest;
}

const SMALLEST = 56; // pixels, approximately: the smallest tile in which units can be pointed at
const EASY = { scale: 3, across: 4 }; // pixels of a unit that is easily pointed at, if so many tiles fit in a line

/**
 * Where `count` tiles of `columns`×`rows` numbers go: as large as whole pixels allow.
 * @returns {{scale: number, width: number, height: number, places: {x: number, y: number}[]}} `places` are the tiles'
 *     upper left corners, below a caption of `caption` pixels.
 */
export function arrange(count, rows, columns, { width, height, gap, caption, largest }) {
  // Lines of equal length: of 1, 2, 3, … lines those that let the tiles be largest.
  let best = { scale: 0, across: 1 };
  for (let lines = 1; lines <= count; lines++) {
    const across = Math.ceil(count / lines);
    const wide = (width + gap) / across - gap;
    const tall = (height + gap) / lines - gap - caption;
    const scale = Math.min(largest, Math.floor(wide / columns), Math.floor(tall / rows));
    if (scale > best.scale) best = { scale, across };
  }
  const isEasy = EASY.across * (columns * EASY.scale + gap) - gap <= width;
  const smallest = Math.min(Math.max(isEasy ? EASY.scale : 1, Math.round(SMALLEST / columns)), width / columns);
  let { scale, across } = best;
  if (scale < smallest) {
    scale = smallest;
    across = Math.max(1, Math.min(count, Math.floor((width + gap) / (Math.ceil(columns * scale) + gap))));
  }
  const cell = Math.ceil(columns * scale) + gap;
  const line = Math.ceil(rows * scale) + caption + gap;
  const places = Array.from({ length: count }, (_, i) => ({
    x: (i % across) * cell,
    y: Math.floor(i / across) * line + caption,
  }));
  return { scale, width: across * cell - gap, height: Math.ceil(count / across) * line - gap, places };
}

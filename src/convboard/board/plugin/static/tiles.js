/** Many small arrays painted on one canvas, each number as a square of whole pixels. */

import { colouring } from "./colours.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} area In CSS pixels; a canvas pixel is one of them.
 * @param {{x: number, y: number, rows: number, columns: number, scale: number, data: ArrayLike<number>,
 *     offset: number}[]} tiles
 * @param {"light"|"dark"} theme
 * @param {number} largest The magnitude of the strongest colour.
 */
export function paintTiles(canvas, { width, height }, tiles, theme, largest) {
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const colour = colouring(theme, largest);
  for (const tile of tiles) (tile.scale >= 1 ? enlarge : reduce)(pixels, width, tile, colour);
  canvas.getContext("2d").putImageData(picture, 0, 0);
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

/** Larger than there is room: of each few numbers, the one furthest from zero. */
function reduce(pixels, width, { x, y, rows, columns, scale, data, offset }, colour) {
  const [down, across] = [Math.floor(rows * scale), Math.floor(columns * scale)];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      let strongest = 0;
      for (let r = Math.floor(row / scale); r < Math.min(rows, (row + 1) / scale); r++)
        for (let c = Math.floor(column / scale); c < Math.min(columns, (column + 1) / scale); c++) {
          const number = data[offset + r * columns + c];
          if (Math.abs(number) > Math.abs(strongest) || Number.isNaN(number)) strongest = number;
        }
      pixels[(y + row) * width + x + column] = colour(strongest);
    }
  }
}

/**
 * Where `count` tiles of `columns`×`rows` numbers go: as large as whole pixels allow.
 * @returns {{scale: number, width: number, height: number, places: {x: number, y: number}[]}} `places` are the tiles'
 *     upper left corners, below a caption of `caption` pixels.
 */
export function arrange(count, rows, columns, { width, height, gap, caption, largest }) {
  const fits = (scale) => {
    const across = Math.floor((width + gap) / (columns * scale + gap));
    return across > 0 && Math.ceil(count / across) * (rows * scale + caption + gap) <= height + gap;
  };
  let scale = Math.min(largest, Math.floor(width / columns));
  while (scale > 1 && !fits(scale)) scale--;
  if (scale < 1) scale = width / columns;
  scale = Math.max(scale, Math.min(largest, Math.floor(56 / columns), Math.floor(width / columns))); // wide enough to point at
  const cell = Math.ceil(columns * scale) + gap;
  const across = Math.max(1, Math.min(count, Math.floor((width + gap) / cell)));
  const line = Math.ceil(rows * scale) + caption + gap;
  const places = Array.from({ length: count }, (_, i) => ({ x: (i % across) * cell, y: Math.floor(i / across) * line + caption }));
  return { scale, width: across * cell - gap, height: Math.ceil(count / across) * line - gap, places };
}

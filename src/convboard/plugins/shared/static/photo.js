/** A probe image, grey or in colour. */

import { el } from "./dom.js";

/** One image of uint8 `[images, channels, height, width]` on a canvas of its own size, enlarged by CSS to `side`. */
export function photo({ data, shape }, image, side) {
  const [, channels, height, width] = shape;
  const canvas = el("canvas", { width, height, class: "photo" });
  const picture = new ImageData(width, height);
  const area = height * width;
  const start = image * channels * area;
  const plane = (channel) => start + Math.min(channel, channels - 1) * area;
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++)
      picture.data[4 * i + channel] = data[plane(channels === 3 ? channel : 0) + i];
    picture.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const scale = scaleFor(shape, side);
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  return canvas;
}

/** Whole pixels where the image is small enough. */
export function scaleFor([, , height, width], side) {
  const scale = side / Math.max(height, width);
  return scale >= 1 ? Math.floor(scale) : scale;
}

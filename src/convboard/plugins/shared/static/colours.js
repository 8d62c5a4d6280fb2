/**
 * Numbers as colours: blue below zero, orange above, the background of the panel at zero; larger is stronger.
 *
 * Three stops a side, close to equal steps of lightness, so that a value twice as large looks about twice as far.
 */

const STOPS = {
  light: {
    zero: [247, 247, 247],
    above: [
      [253, 190, 133],
      [240, 120, 40],
      [140, 45, 4],
    ],
    below: [
      [158, 202, 225],
      [66, 146, 198],
      [8, 48, 107],
    ],
  },
  dark: {
    zero: [26, 28, 32],
    above: [
      [140, 60, 15],
      [240, 130, 50],
      [255, 224, 189],
    ],
    below: [
      [22, 68, 120],
      [74, 150, 215],
      [205, 230, 250],
    ],
  },
};
const STEPS = 256; // colours a side
const NOT_FINITE = [224, 64, 251]; // a magenta that the scale does not hold
const EVEN = 0.18; // the luminance on which black and white have the same contrast, 4.6 to 1
const tables = {};

/** Colours by number: index `STEPS` is zero; 4 bytes a colour. */
function table(theme) {
  if (tables[theme]) return tables[theme];
  const { zero, above, below } = STOPS[theme];
  const colours = new Uint8ClampedArray(4 * (2 * STEPS + 2));
  for (let i = -STEPS; i <= STEPS; i++) {
    const colour = blend([zero, ...(i < 0 ? below : above)], Math.abs(i) / STEPS);
    colours.set([...colour, 255], 4 * (i + STEPS));
  }
  colours.set([...NOT_FINITE, 255], 4 * (2 * STEPS + 1));
  tables[theme] = new Uint32Array(colours.buffer);
  return tables[theme];
}

function blend(stops, place) {
  const scaled = place * (stops.length - 1);
  const left = Math.min(Math.floor(scaled), stops.length - 2);
  return stops[left].map((from, i) => from + (stops[left + 1][i] - from) * (scaled - left));
}

/**
 * @param {"light"|"dark"} theme
 * @param {number} largest The magnitude that gets the strongest colour.
 * @returns {(number: number) => number} The colour as ImageData's 32 bits.
 */
export function colouring(theme, largest) {
  const colours = table(theme);
  const factor = largest > 0 && Number.isFinite(largest) ? STEPS / largest : 0;
  return (number) => {
    if (!Number.isFinite(number)) return colours[2 * STEPS + 1];
    const index = Math.round(number * factor);
    return colours[STEPS + (index > STEPS ? STEPS : index < -STEPS ? -STEPS : index)];
  };
}

/** The same colour for CSS, and the text colour that reads on it. */
export function cssColour(theme, number, largest) {
  const word = colouring(theme, largest)(number);
  const [r, g, b] = [word & 255, (word >> 8) & 255, (word >> 16) & 255];
  const luminance = 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2;
  return { ground: `rgb(${r} ${g} ${b})`, text: luminance > EVEN ? "#000" : "#fff" };
}

/** The largest finite magnitude in `data[from, to)`. */
export function largestMagnitude(data, from = 0, to = data.length) {
  let largest = 0;
  for (let i = from; i < to; i++) {
    const magnitude = Math.abs(data[i]);
    if (magnitude > largest && magnitude !== Infinity) largest = magnitude;
  }
  return largest;
}

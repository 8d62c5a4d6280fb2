/** Colours that tell things apart, and colours from worse to better. They can be seen on the panel of their theme. */

const DISTINCT = {
  light: ["#1f6fc2", "#d9480f", "#1b7f3b", "#8b3fbf", "#b3261e", "#0b7285", "#a16207", "#c2255c", "#5c6370", "#5f7a1f"],
  dark: ["#7ab8f5", "#ff9a47", "#7fd498", "#c99cf5", "#ff9d93", "#5fd0d9", "#e5c158", "#f783ac", "#b4bac4", "#b5d46a"],
};

/** Number of colours that can be told apart. */
export const DISTINCT_COUNT = DISTINCT.light.length;

/** The i-th colour; they repeat after `DISTINCT_COUNT`. */
export const distinctColour = (theme, i) => DISTINCT[theme][i % DISTINCT_COUNT];

// From worse to better, further and further from the colour of the panel.
const RISING = {
  light: [
    [208, 217, 170],
    [127, 200, 184],
    [44, 127, 184],
    [37, 52, 148],
  ],
  dark: [
    [84, 72, 124],
    [58, 118, 152],
    [64, 176, 132],
    [226, 228, 84],
  ],
};

/**
 * @param {"light"|"dark"} theme
 * @param {number} place From 0, the worst, to 1, the best.
 * @returns {[number, number, number]} Red, green, blue.
 */
export function risingColour(theme, place) {
  const stops = RISING[theme];
  const scaled = Math.min(1, Math.max(0, place)) * (stops.length - 1);
  const left = Math.min(Math.floor(scaled), stops.length - 2);
  return stops[left].map((from, i) => Math.round(from + (stops[left + 1][i] - from) * (scaled - left)));
}

export const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

/** Black or white, whichever can be read on a colour. */
export function textOn([red, green, blue]) {
  const luminance = 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2;
  return luminance > 0.18 ? "#000" : "#fff";
}

/** The colours by which settings are told apart in all views. */

const PALETTE = {
  light: ["#1f6fc2", "#d9480f", "#1b7f3b", "#8b3fbf", "#b3261e", "#0b7285", "#a16207", "#c2255c", "#5c6370", "#5f7a1f"],
  dark: ["#7ab8f5", "#ff9a47", "#7fd498", "#c99cf5", "#ff9d93", "#5fd0d9", "#e5c158", "#f783ac", "#b4bac4", "#b5d46a"],
};

/** The colour of a setting, by its index among those that are picked. */
export const settingColour = (index, theme) => PALETTE[theme][index % PALETTE[theme].length];

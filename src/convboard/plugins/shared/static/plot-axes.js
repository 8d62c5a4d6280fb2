/** The frame of a plot on a canvas: grid lines, ticks and their texts. */

export const FONT = '12px Roboto, "Helvetica Neue", Arial, sans-serif';
const LETTER = 6.4; // pixels, about, with this font
const TICK_GAP = 6; // pixels between the plot and the text of a tick
const BETWEEN = 10; // pixels, at least, between the texts of two ticks of the x axis

/**
 * @typedef {{left: number, right: number, top: number, bottom: number}} Area Edges of a plot, in pixels of its canvas.
 * @typedef {{place: number, text: string}} Tick
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Area} area
 * @param {{x: Tick[], y: Tick[]}} ticks
 * @param {{line: string, quiet: string}} colours
 */
export function drawAxes(context, area, { x, y }, colours) {
  context.font = FONT;
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  context.beginPath();
  for (const { place } of y) line(context, area.left, crisp(place), area.right, crisp(place));
  for (const { place } of x) line(context, crisp(place), area.top, crisp(place), area.bottom);
  context.stroke();
  context.fillStyle = colours.quiet;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { place, text } of y) context.fillText(text, area.left - TICK_GAP, place);
  context.textBaseline = "top";
  drawBelow(context, area, x);
}

/** The texts of the x axis; one that would touch the one before it is left out. */
function drawBelow(context, area, ticks) {
  context.textAlign = "left";
  let end = -Infinity;
  for (const { place, text } of ticks.toSorted((a, b) => a.place - b.place)) {
    const { width } = context.measureText(text);
    const start = Math.min(place - width / 2, area.right + TICK_GAP - width);
    if (start < end + BETWEEN) continue;
    context.fillText(text, start, area.bottom + TICK_GAP);
    end = start + width;
  }
}

/** A text that is about no wider than some pixels. */
export function shortened(text, room) {
  const most = Math.max(3, Math.floor(room / LETTER));
  const letters = [...text]; // an emoji is one
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}

/** Lines of one pixel are sharp between two pixels. */
export const crisp = (place) => Math.round(place) + 0.5;

/** Add a straight line to the present path. */
export function line(context, x1, y1, x2, y2) {
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
}

/** Call `draw` with everything outside an area cut off. */
export function clipped(context, { left, right, top, bottom }, draw) {
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  draw();
  context.restore();
}

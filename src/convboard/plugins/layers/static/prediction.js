/** What the network takes the probe image for, at the shown step. */

import { el } from "../../shared/static/dom.js";
import { share } from "../../shared/static/format.js";
import { softmax } from "./units.js";

/**
 * @param {?Object} scene See `scene.js`.
 * @returns {?{name: string, probability: number, isRight: boolean}} The class with the highest score; null where the
 *     run has no scores of the image.
 */
export function predictionOf(scene) {
  const logits = scene?.probe?.arrays.logits;
  const { class_names: names = [], names: classes } = scene?.probe?.facts ?? {};
  if (!logits || scene.image >= logits.shape[0]) return null;
  const [, count] = logits.shape;
  const scores = [...logits.data.subarray(scene.image * count, (scene.image + 1) * count)];
  const probabilities = softmax(scores);
  const place = probabilities.indexOf(Math.max(...probabilities));
  if (place < 0) return null; // not finite
  const name = names[place] ?? `class ${place}`;
  return { name, probability: probabilities[place], isRight: name === classes[scene.image] };
}

/** The prediction in words, one for each run that is shown. */
export function predictionLine({ scene, sceneB }) {
  const found = [scene, sceneB].map(predictionOf);
  const isTwo = Boolean(sceneB);
  const words = found.map(
    (prediction, i) =>
      prediction &&
      el(
        "span",
        { class: prediction.isRight ? "prediction right" : "prediction wrong" },
        isTwo ? `${"AB"[i]}: ` : "",
        isTwo ? "" : "predicted ",
        el("b", {}, `“${prediction.name}”`),
        ` ${share(prediction.probability)}`,
      ),
  );
  return words.filter(Boolean);
}

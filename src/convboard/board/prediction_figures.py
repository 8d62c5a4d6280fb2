"""Figures of the predictions for the validation split: confusion matrix, misclassified images, precision-recall."""

import numpy as np
from numpy.typing import NDArray

from convboard.board import tags
from convboard.board.figures.confusion import count_confusions, draw_confusion
from convboard.board.figures.embedded_arrays import embed_arrays
from convboard.board.figures.misclassified import MOST, Mistake, draw_misclassified
from convboard.board.summaries import Value, image, precision_recall
from convboard.data.dataset import ImageDataset
from convboard.training.callbacks import Evaluation

_THRESHOLDS = 127  # TensorBoard's own number


def confusion_matrix(dataset: ImageDataset, val: Evaluation, caption: str) -> list[Value]:
    """The figure of the confusion matrix, with its counts embedded, as float32; a row is a true class."""
    predicted = val.logits.argmax(dim=1).numpy()
    counts = count_confusions(predicted, val.labels.numpy(), len(dataset.class_names))
    figure = draw_confusion(counts, dataset.class_names, caption)
    embedded = embed_arrays(figure, {"class_names": dataset.class_names}, {"counts": counts.astype(np.float32)})
    return [image(tags.CONFUSION_MATRIX, embedded)]


def misclassified(dataset: ImageDataset, val: Evaluation, caption: str) -> list[Value]:
    """The figure of the misclassified images with the highest softmax probabilities."""
    wrong = int((val.logits.argmax(dim=1) != val.labels).sum())
    figure = draw_misclassified(most_confident_mistakes(dataset, val), wrong, len(val.labels), caption)
    return [image(tags.MISCLASSIFIED, figure)]


def most_confident_mistakes(dataset: ImageDataset, val: Evaluation) -> list[Mistake]:
    """The misclassified images with the highest softmax probabilities, the most confident first."""
    confidences, predicted = val.logits.softmax(dim=1).max(dim=1)
    wrong = (predicted != val.labels).nonzero().flatten()
    order = confidences[wrong].argsort(descending=True, stable=True)[:MOST]
    shown = wrong[order]
    return [
        Mistake(image, dataset.class_names[true], dataset.class_names[label], confidence)
        for image, true, label, confidence in zip(
            dataset.val.images[shown].numpy(),
            val.labels[shown].tolist(),
            predicted[shown].tolist(),
            confidences[shown].tolist(),
            strict=True,
        )
    ]


def precision_recall_curves(dataset: ImageDataset, val: Evaluation) -> list[Value]:
    """A precision-recall curve of each class against the rest, by its softmax probability."""
    probabilities = val.logits.softmax(dim=1)
    return [
        precision_recall(tags.precision_recall(name), _curve(probabilities[:, label].numpy(), is_class.numpy()))
        for label, name in enumerate(dataset.class_names)
        if (is_class := val.labels == label).any()
    ]


def _curve(probabilities: NDArray[np.float32], is_class: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Counts and rates at evenly spaced thresholds, as `summaries.precision_recall` takes them.

    A class is predicted where its probability is at least the threshold.

    Args:
        probabilities: float32 `[N]`, of the class.
        is_class: bool `[N]`.

    Returns:
        float32 `[6, thresholds]`.
    """
    place = np.floor(probabilities * (_THRESHOLDS - 1)).astype(np.int64).clip(0, _THRESHOLDS - 1)
    hits = np.bincount(place[is_class], minlength=_THRESHOLDS)
    misses = np.bincount(place[~is_class], minlength=_THRESHOLDS)
    true_positives = hits[::-1].cumsum()[::-1]
    false_positives = misses[::-1].cumsum()[::-1]
    positives, negatives = hits.sum(), misses.sum()
    precision = true_positives / np.maximum(true_positives + false_positives, 1)
    rows = (
        true_positives,
        false_positives,
        negatives - false_positives,
        positives - true_positives,
        precision,
        true_positives / max(positives, 1),
    )
    return np.stack(rows).astype(np.float32)

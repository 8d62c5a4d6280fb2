"""What the network says about the validation split: which classes it mixes up, and where it is most sure and wrong."""

import numpy as np
from numpy.typing import NDArray

from convboard.board import tags
from convboard.board.figures.confusion import count_confusions, draw_confusion
from convboard.board.figures.misclassified import MOST, Mistake, draw_misclassified
from convboard.board.summaries import Value, image, precision_recall
from convboard.data.dataset import ImageDataset
from convboard.training.callbacks import Evaluation

_THRESHOLDS = 127  # TensorBoard's own number


def confusion_matrix(dataset: ImageDataset, val: Evaluation, caption: str) -> list[Value]:
    """The picture of the confusion matrix."""
    predicted = val.logits.argmax(dim=1).numpy()
    counts = count_confusions(predicted, val.labels.numpy(), len(dataset.class_names))
    return [image(tags.CONFUSION_MATRIX, draw_confusion(counts, dataset.class_names, caption))]


def misclassified(dataset: ImageDataset, val: Evaluation, caption: str) -> list[Value]:
    """The picture of the misclassified images that the network gave the highest softmax probabilities."""
    confidences, predicted = val.logits.softmax(dim=1).max(dim=1)
    wrong = (predicted != val.labels).nonzero().flatten()
    order = confidences[wrong].argsort(descending=True, stable=True)[:MOST]
    shown = wrong[order]
    mistakes = [
        Mistake(image, dataset.class_names[true], dataset.class_names[said], confidence)
        for image, true, said, confidence in zip(
            dataset.val.images[shown].numpy(),
            val.labels[shown].tolist(),
            predicted[shown].tolist(),
            confidences[shown].tolist(),
            strict=True,
        )
    ]
    picture = draw_misclassified(mistakes, len(wrong), len(val.labels), caption)
    return [image(tags.MISCLASSIFIED, picture)]


def precision_recall_curves(dataset: ImageDataset, val: Evaluation) -> list[Value]:
    """A precision-recall curve of each class against the rest, by its softmax probability."""
    probabilities = val.logits.softmax(dim=1)
    return [
        precision_recall(tags.precision_recall(name), _curve(probabilities[:, label].numpy(), is_class.numpy()))
        for label, name in enumerate(dataset.class_names)
        if (is_class := val.labels == label).any()
    ]


def _curve(probabilities: NDArray[np.float32], is_class: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Counts and rates at evenly spaced thresholds, `[6, thresholds]`, as `summaries.precision_recall` wants them.

    A class is said to be there where its probability is at least the threshold.
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

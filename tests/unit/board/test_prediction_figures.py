import numpy as np
import pytest
import torch

from convboard.board.figures.embedded_arrays import packed_arrays, unpack
from convboard.board.prediction_figures import (
    confusion_matrix,
    misclassified,
    most_confident_mistakes,
    precision_recall_curves,
)
from convboard.data.dataset import ImageDataset
from convboard.training.callbacks import Evaluation


def evaluation(logits: list[list[float]], labels: list[int]) -> Evaluation:
    return Evaluation(0.0, 0.0, torch.tensor(logits), torch.tensor(labels))


def test_the_most_confident_mistakes_come_first(dataset: ImageDataset) -> None:
    val = evaluation([[0.0, 1.0, 0.0], [0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 5.0]], [0, 1, 2, 0])
    mistakes = most_confident_mistakes(dataset, val)
    classes = [(mistake.true, mistake.predicted) for mistake in mistakes]
    assert classes == [("class 2", "class 0"), ("class 0", "class 2"), ("class 0", "class 1")]
    confidences = [mistake.confidence for mistake in mistakes]
    assert confidences == pytest.approx([0.99975, 0.98670, 0.57612], abs=1e-5)
    np.testing.assert_array_equal(mistakes[0].image, dataset.val.images[2].numpy())


def test_a_network_without_mistakes_still_has_its_picture(dataset: ImageDataset) -> None:
    val = evaluation([[1.0, 0.0, 0.0]], [0])
    (value,) = misclassified(dataset, val, "epoch 1")
    assert value.tag == "misclassified/val"
    assert value.image.height > 50


def test_the_confusion_matrix_has_its_tag(dataset: ImageDataset) -> None:
    (value,) = confusion_matrix(dataset, evaluation([[1.0, 0.0, 0.0]], [2]), "epoch 1")
    assert value.tag == "confusion_matrix/val"


def test_precision_and_recall_by_hand(dataset: ImageDataset) -> None:
    # Softmax probabilities of class 0: 0.9, 0.6, 0.6, 0.1; the first two images are of class 0.
    shares = torch.tensor([[0.9, 0.05, 0.05], [0.6, 0.2, 0.2], [0.6, 0.2, 0.2], [0.1, 0.45, 0.45]])
    val = Evaluation(0.0, 0.0, shares.log(), torch.tensor([0, 0, 1, 1]))
    curves = {value.tag: value for value in precision_recall_curves(dataset, val)}
    assert set(curves) == {"precision_recall/class 0", "precision_recall/class 1"}  # class 2 has no image
    tensor = curves["precision_recall/class 0"].tensor
    curve = np.frombuffer(tensor.tensor_content, np.float32).reshape([dim.size for dim in tensor.tensor_shape.dim])
    assert curve.shape == (6, 127)
    at = {threshold: curve[:, round(threshold * 126)].tolist() for threshold in (0.0, 0.5, 0.8, 1.0)}
    assert at[0.0] == pytest.approx([2, 2, 0, 0, 0.5, 1])
    assert at[0.5] == pytest.approx([2, 1, 1, 0, 2 / 3, 1])
    assert at[0.8] == pytest.approx([1, 0, 2, 1, 1, 0.5])
    assert at[1.0] == pytest.approx([0, 0, 2, 2, 0, 0])


def test_the_counts_are_embedded_in_the_confusion_matrix(dataset: ImageDataset) -> None:
    (value,) = confusion_matrix(dataset, evaluation([[1.0, 0, 0], [0, 1.0, 0], [0, 1.0, 0]], [0, 1, 2]), "epoch 1")
    packed = packed_arrays(value.image.encoded_image_string)
    assert packed is not None
    facts, arrays = unpack(packed)
    assert facts == {"class_names": list(dataset.class_names)}
    assert arrays["counts"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]

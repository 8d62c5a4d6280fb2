"""What a network, with the format of its input, predicts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convboard.errors import ModelError
from convboard.experiment.setup import build_model
from convboard.feature_maps.inference_model import InferenceModel


def test_probabilities_are_those_of_the_normalised_image() -> None:
    module = build_model({"_target_": "convboard.models.LeNet"}, (1, 32, 32), 3).eval()
    model = InferenceModel("Net", "trained", module, (1, 32, 32), (0.5,), (0.25,), class_names=("a", "b", "c"))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32), np.uint8)
    given = (torch.tensor(pixels).float()[None] / 255 - 0.5) / 0.25
    expected = module(given).softmax(1)[0].tolist()
    found = model.predict(model.normalise(pixels))
    assert [probability for _, probability in found] == pytest.approx(sorted(expected, reverse=True))
    assert dict(found) == pytest.approx(dict(zip("abc", expected, strict=True)))
    assert replace(model, class_names=()).predict(model.normalise(pixels)) == []


class Squeezing(nn.Module):
    """Drops the dimension of the batch for a single image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze()


def test_a_network_that_drops_the_batch() -> None:
    model = InferenceModel("Net", "trained", Squeezing(), (3, 1, 1), (0.5,), (0.25,), class_names=("a", "b", "c"))
    with pytest.raises(ModelError, match=r"gives \[3\] for one image, and not \[1, 3\]: its forward drops"):
        model.predict(torch.zeros(1, 3, 1, 1))

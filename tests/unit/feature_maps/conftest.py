"""A network of any kind, ready for inference."""

from collections.abc import Callable

import pytest
from torch import nn

from convboard.feature_maps.inference_model import InferenceModel

MakeModel = Callable[[nn.Module, tuple[int, int, int]], InferenceModel]


@pytest.fixture
def inference_model() -> MakeModel:
    """Make an untrained network for images of a shape (C, H, W)."""

    def make(module: nn.Module, shape: tuple[int, int, int]) -> InferenceModel:
        return InferenceModel("Net", "untrained", module.eval(), shape, (0.5,) * shape[0], (0.25,) * shape[0])

    return make

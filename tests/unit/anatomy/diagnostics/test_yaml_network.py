"""Networks that are lists of layers in a config get advice for the list, not for Python."""

from typing import Any

import pytest
import torch

from convboard.errors import ModelError
from convboard.experiment.setup import build_model

SHAPE = (1, 8, 8)
CONV = {"conv": {"out_channels": 4, "kernel_size": 3}}


def build(*layers: Any) -> Any:
    return build_model({"_target_": "convboard.models.sequential", "layers": list(layers)}, SHAPE, 10)


@pytest.mark.parametrize(
    ("layers", "remedy", "right"),
    [
        (
            ["flatten", {"linear": {"out_features": 7, "bias": False}}],
            "leave out out_features of layers[1] (linear): it is the number of classes",
            ["flatten", {"linear": {"bias": False}}],
        ),
        ([CONV, "flatten"], "let layers end with linear", [CONV, "flatten", "linear"]),
        ([CONV, "relu"], "let layers end with flatten and linear", [CONV, "relu", "flatten", "linear"]),
    ],
)
def test_an_output_that_is_not_the_classes(layers: list[Any], remedy: str, right: list[Any]) -> None:
    with pytest.raises(ModelError) as raised:
        build(*layers)
    advice = " ".join(str(raised.value).partition("What to do:")[2].split())
    assert advice == f"- {remedy}"
    assert build(*right)(torch.zeros(2, *SHAPE)).shape == (2, 10)


def test_same_padding_with_a_stride() -> None:
    with pytest.raises(ModelError, match=r"is not supported for strided convolutions\. Take padding: 1\.$"):
        build({"conv": {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": "same"}}, "flatten", "linear")

"""Outputs, types of numbers and devices: what the doctor says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy import Diagnosis, check_fit, diagnose

Line = Callable[[Any, Tensor], Any]
SHAPE = (1, 4, 4)


class Written(nn.Module):
    """A forward of one line, with what it needs; ``unseen`` lies in a plain list, where torch does not find it."""

    def __init__(
        self, forward: Callable[[Any, Tensor], Any], *parts: nn.Module, unseen: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.line = forward
        self.unseen = [unseen]

    def forward(self, x: Tensor) -> Any:
        return self.line(self, x)


def found(model: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Diagnosis:
    diagnosis = diagnose(model, shape, 10)
    assert diagnosis is not None
    return diagnosis


def scores(parts: Written, x: Tensor) -> Tensor:
    result: Tensor = parts.parts[0](x.flatten(1))
    return result


def test_wrong_number_of_classes() -> None:
    told = found(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)))
    assert (told.kind, told.layer) == ("num_classes", "1")
    assert told.reason == "The network gives 7 scores an image (out_features of 1), but the data has 10 classes."
    assert told.cures == ("write nn.Linear(16, 10) for 1",)
    check_fit(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)), SHAPE, 10)
    assert diagnose(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)), SHAPE) is None


def test_an_output_that_is_a_picture() -> None:
    told = found(nn.Conv2d(1, 10, 3), (1, 28, 28))
    assert told.reason == "The network gives [N, 10, 26, 26] instead of a row of 10 scores for each image."
    assert told.cures == (
        "let it end with nn.AdaptiveAvgPool2d(1) and nn.Flatten(): the mean of each of the 10 pictures",
        "let it end with nn.Flatten() and nn.Linear(6760, 10): 10·26·26 = 6760 features",
    )
    for end in ([nn.AdaptiveAvgPool2d(1), nn.Flatten()], [nn.Flatten(), nn.Linear(6760, 10)]):
        check_fit(nn.Sequential(nn.Conv2d(1, 10, 3), *end), (1, 28, 28), 10)
    assert found(nn.Conv2d(1, 10, 4)).cures == ("let it end with torch.flatten(x, 1), or nn.Flatten()",)


@pytest.mark.parametrize(
    ("line", "reason", "cure"),
    [
        (lambda m, x: (x, scores(m, x)), "returns a tuple of [N, 1, 4, 4], [N, 10] instead of one", "alone: out[1]"),
        (lambda m, x: {"logits": scores(m, x)}, "returns a dict of 'logits': [N, 10]", "alone: out['logits']"),
        (lambda m, x: None, "The network returns nothing.", "let its forward end with return x"),
        (lambda m, x: scores(m, x).argmax(1), "gives whole numbers (int64), [N]", "return the scores, without argmax"),
        (lambda m, x: scores(m, x).unsqueeze(1), "gives [N, 1, 10] instead of a row", "torch.flatten(x, 1)"),
    ],
    ids=["tuple", "dict", "nothing", "argmax", "dimensions"],
)
def test_an_output_that_is_no_row_of_scores(line: Line, reason: str, cure: str) -> None:
    told = found(Written(line, nn.Linear(16, 10)))
    assert told.kind == "output"
    assert reason in told.reason
    assert cure in told.cures[0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_weights_in_another_type(dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    told = found(nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Linear(4, 10).to(dtype)))
    assert (told.kind, told.layer) == ("dtype", "2")
    assert told.reason == f"Linear 2 has weights in {name}, which do not go with the float32 of what it gets."
    assert found(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)).to(dtype)).layer == "1"


def test_images_made_whole_numbers() -> None:
    told = found(Written(lambda m, x: scores(m, x.long()), nn.Linear(16, 10)))
    assert told.reason == "Linear parts.0 gets whole numbers (int64) and wants float32."
    assert ".long()" in told.cures[0]
    assert found(Written(lambda m, x: x.long().mean(1), nn.Linear(16, 10))).kind == "dtype"


def test_images_made_another_type() -> None:
    told = found(Written(lambda m, x: scores(m, x.double()), nn.Linear(16, 10)))
    assert told.reason == "Linear parts.0 gets float64 but has weights in float32."


def test_a_layer_on_another_device() -> None:
    parts = nn.Linear(16, 10), nn.Linear(10, 10, device="meta")
    told = found(Written(lambda m, x: m.parts[1](scores(m, x)), *parts))
    assert told.reason == (
        "Linear parts.1 meets tensors on cpu and meta: its parts.1.weight lies on meta, the network's first "
        "weight on cpu."
    )


def test_a_layer_on_another_device_over_which_torch_does_not_stumble() -> None:
    told = found(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 10, 4, device="meta"), nn.Flatten()))
    assert (told.kind, told.layer) == ("device", "1")


def test_a_buffer_on_another_device_over_which_torch_does_not_stumble() -> None:
    model = nn.Sequential(nn.Conv2d(1, 10, 4), nn.BatchNorm2d(10, affine=False), nn.Flatten())
    model[1].to("meta")
    told = found(model)
    assert (told.kind, told.layer) == ("device", "1")


def test_indexing_across_devices_is_no_mistake() -> None:
    def shuffled(model: Any, x: Tensor) -> Any:
        return scores(model, x)[:, torch.tensor([2, 0, 1, 3, *range(4, 10)])]

    model = Written(shuffled, nn.Linear(16, 10))
    assert diagnose(model, SHAPE, 10) is None
    assert diagnose(model.to("meta"), SHAPE, 10) is None


def test_indexing_of_a_weight_on_another_device_is_no_mistake() -> None:
    def looked_up(model: Any, x: Tensor) -> Any:
        model.parts[1].weight[scores(model, x).argmax(1)]
        return scores(model, x)

    assert diagnose(Written(looked_up, nn.Linear(16, 10), nn.Linear(10, 10, device="meta")), SHAPE, 10) is None


def test_a_tensor_made_on_another_device() -> None:
    told = found(Written(lambda m, x: scores(m, x) + torch.zeros(10, device="meta"), nn.Linear(16, 10)))
    assert told.reason.endswith("a tensor made in forward lies on meta.")
    assert "device=x.device" in told.cures[0]


def test_a_layer_in_a_plain_list() -> None:
    model = Written(lambda m, x: m.unseen[0](scores(m, x)), nn.Linear(16, 10), unseen=nn.Linear(10, 10))
    told = found(model.to("meta"))
    assert told.reason == (
        "linear meets tensors on meta and cpu: a weight on cpu is none of the network's parameters, so it is not moved "
        "with them."
    )
    assert "nn.ModuleList" in told.cures[0]

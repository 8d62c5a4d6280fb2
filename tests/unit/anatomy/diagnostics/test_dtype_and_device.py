"""Rules for dtypes and devices."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.diagnose import diagnose
from diagnosed_networks import SHAPE, LambdaNetwork, found, scores


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_weights_in_another_type(dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    diagnosis = found(nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Linear(4, 10).to(dtype)))
    assert (diagnosis.kind, diagnosis.layer) == ("dtype", "2")
    assert diagnosis.reason == f"Linear 2 has weights in {name}, which do not go with the float32 of what it gets."
    assert found(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)).to(dtype)).layer == "1"


def test_images_made_whole_numbers() -> None:
    diagnosis = found(LambdaNetwork(lambda m, x: scores(m, x.long()), nn.Linear(16, 10)))
    assert diagnosis.reason == "Linear layers.0 gets whole numbers (int64) and wants float32."
    assert ".long()" in diagnosis.remedies[0]
    assert found(LambdaNetwork(lambda m, x: x.long().mean(1), nn.Linear(16, 10))).kind == "dtype"


def test_images_made_another_type() -> None:
    diagnosis = found(LambdaNetwork(lambda m, x: scores(m, x.double()), nn.Linear(16, 10)))
    assert diagnosis.reason == "Linear layers.0 gets float64 but has weights in float32."


def test_a_buffer_of_another_type() -> None:
    model = LambdaNetwork(lambda m, x: m[0](x.flatten(1) + m[0].mean), nn.Linear(16, 10))
    model[0].register_buffer("mean", torch.zeros(16, dtype=torch.float64))
    diagnosis = found(model)
    assert diagnosis.reason.endswith("gets float64 but has weights in float32. layers.0.mean is in float64.")
    assert diagnosis.remedies == ("convert that to float32 in __init__, with .float() or dtype=torch.float32",)


def test_a_layer_on_another_device() -> None:
    parts = nn.Linear(16, 10), nn.Linear(10, 10, device="meta")
    diagnosis = found(LambdaNetwork(lambda m, x: m[1](scores(m, x)), *parts))
    assert diagnosis.reason == (
        "Linear layers.1 meets tensors on cpu and meta: its layers.1.weight is on meta, the network's first "
        "weight on cpu."
    )


def test_a_layer_on_another_device_over_which_torch_does_not_stumble() -> None:
    diagnosis = found(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 10, 4, device="meta"), nn.Flatten()))
    assert (diagnosis.kind, diagnosis.layer) == ("device", "1")


def test_a_buffer_on_another_device_over_which_torch_does_not_stumble() -> None:
    model = nn.Sequential(nn.Conv2d(1, 10, 4), nn.BatchNorm2d(10, affine=False), nn.Flatten())
    model[1].to("meta")
    diagnosis = found(model)
    assert (diagnosis.kind, diagnosis.layer) == ("device", "1")


def test_indexing_across_devices_is_no_mistake() -> None:
    def shuffled(model: Any, x: Tensor) -> Any:
        return scores(model, x)[:, torch.tensor([2, 0, 1, 3, *range(4, 10)])]

    model = LambdaNetwork(shuffled, nn.Linear(16, 10))
    assert diagnose(model, SHAPE, 10) is None
    assert diagnose(model.to("meta"), SHAPE, 10) is None


def test_indexing_of_a_weight_on_another_device_is_no_mistake() -> None:
    def looked_up(model: Any, x: Tensor) -> Any:
        model[1].weight[scores(model, x).argmax(1)]
        return scores(model, x)

    assert diagnose(LambdaNetwork(looked_up, nn.Linear(16, 10), nn.Linear(10, 10, device="meta")), SHAPE, 10) is None


def test_a_tensor_made_on_another_device() -> None:
    diagnosis = found(LambdaNetwork(lambda m, x: scores(m, x) + torch.zeros(10, device="meta"), nn.Linear(16, 10)))
    assert diagnosis.reason.endswith("a tensor made in forward is on meta.")
    assert "device=x.device" in diagnosis.remedies[0]


def test_a_layer_in_a_plain_list() -> None:
    model = LambdaNetwork(
        lambda m, x: m.unregistered[0](scores(m, x)), nn.Linear(16, 10), unregistered=nn.Linear(10, 10)
    )
    diagnosis = found(model.to("meta"))
    assert diagnosis.reason == (
        "linear meets tensors on meta and cpu: a weight on cpu is none of the network's parameters, so it is not moved "
        "with them."
    )
    assert "nn.ModuleList" in diagnosis.remedies[0]

"""Rules for outputs, dtypes and devices."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnosis import Diagnosis, diagnose
from diagnosed_networks import LambdaNetwork, diagnosed

Line = Callable[[Any, Tensor], Any]
SHAPE = (1, 4, 4)


def found(model: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Diagnosis:
    return diagnosed(model, shape, 10)


def scores(parts: LambdaNetwork, x: Tensor) -> Tensor:
    result: Tensor = parts[0](x.flatten(1))
    return result


def test_wrong_number_of_classes() -> None:
    diagnosis = found(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)))
    assert (diagnosis.kind, diagnosis.layer) == ("num_classes", "1")
    assert diagnosis.reason == "The network gives 7 scores an image (out_features of 1), but the data has 10 classes."
    assert diagnosis.remedies == ("write nn.Linear(16, 10) for 1",)
    check_fit(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)), SHAPE, 10)
    assert diagnose(nn.Sequential(nn.Flatten(), nn.Linear(16, 7)), SHAPE) is None


def test_an_output_that_is_a_picture() -> None:
    diagnosis = found(nn.Conv2d(1, 10, 3), (1, 28, 28))
    assert diagnosis.reason == "The network gives [N, 10, 26, 26] instead of a row of 10 scores for each image."
    assert diagnosis.remedies == (
        "let it end with nn.AdaptiveAvgPool2d(1) and nn.Flatten(): the mean of each of the 10 pictures",
        "let it end with nn.Flatten() and nn.Linear(6760, 10): 10·26·26 = 6760 features",
    )
    for end in ([nn.AdaptiveAvgPool2d(1), nn.Flatten()], [nn.Flatten(), nn.Linear(6760, 10)]):
        check_fit(nn.Sequential(nn.Conv2d(1, 10, 3), *end), (1, 28, 28), 10)
    assert found(nn.Conv2d(1, 10, 4)).remedies == ("let it end with torch.flatten(x, 1), or nn.Flatten()",)


@pytest.mark.parametrize(
    ("line", "reason", "cure"),
    [
        (
            lambda m, x: (x, scores(m, x)),
            "a tuple of [N, 1, 4, 4], [N, 10] instead",
            "LambdaNetwork.forward return the second alone, which",
        ),
        (
            lambda m, x: {"logits": scores(m, x)},
            "a dict of 'logits': [N, 10]",
            "what stands under 'logits' alone",
        ),
        (lambda m, x: None, "The network returns nothing.", "let LambdaNetwork.forward end with return x"),
        (lambda m, x: (x, x), "a tuple of [N, 1, 4, 4], [N, 1, 4, 4] instead", "return one tensor [N, 10] alone: the"),
        (
            lambda m, x: nn.ReLU(inplace=True),
            "returns a ReLU instead",
            "in __init__, self.layer = nn.ReLU(), and",
        ),
        (
            lambda m, x: scores(m, x).max(1),
            "returns a max of [N], [N]",
            "leave max out of LambdaNetwork.forward, and return",
        ),
        (lambda m, x: scores(m, x).softmax(0), "softmax runs along dim=0, the images of the batch", "take dim=1"),
        (lambda m, x: F.log_softmax(scores(m, x), dim=-2), "log_softmax runs along dim=-2, the images", "take dim=1"),
        (
            lambda m, x: scores(m, x)[:, :1].squeeze(),
            "gives [N] instead of a row of 10",
            "Linear(..., 10), and",
        ),
        (lambda m, x: scores(m, x).argmax(1), "gives whole numbers (int64), [N]", "return the scores, without argmax"),
        (lambda m, x: scores(m, x).unsqueeze(1), "gives [N, 1, 10] instead of a row", "torch.flatten(x, 1)"),
    ],
    ids=[
        "tuple",
        "dict",
        "nothing",
        "pictures",
        "class",
        "max",
        "softmax",
        "log_softmax",
        "squeeze",
        "argmax",
        "dimensions",
    ],
)
def test_an_output_that_is_no_row_of_scores(line: Line, reason: str, cure: str) -> None:
    diagnosis = found(LambdaNetwork(line, nn.Linear(16, 10)))
    assert diagnosis.kind == "output"
    assert reason in diagnosis.reason
    assert cure in diagnosis.remedies[0]


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


def test_softmax_over_the_classes_is_no_mistake() -> None:
    for dim in (1, -1):
        assert diagnose(nn.Sequential(nn.Flatten(), nn.Linear(16, 10), nn.Softmax(dim)), SHAPE, 10) is None


def test_scores_of_a_class_that_cannot_be_changed() -> None:
    diagnosis = found(nn.Sequential(nn.Flatten(1), nn.LSTM(16, 10)))
    assert diagnosis.remedies == ("wrap it in a module of your own, whose forward ends with return self.net(x)[0]",)


class TakesLabels(nn.Module):
    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return x


class NoSelf(nn.Module):
    def forward(x: Tensor) -> Tensor:  # type: ignore[misc]  # noqa: N805 (as beginners write it)
        return x


class NoForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def forward(x: Tensor) -> Tensor:
            return x


class Misspelt(nn.Module):
    def foward(self, x: Tensor) -> Tensor:
        return x


class Bound(nn.Module):
    """Its forward is none of its class's."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = self.go

    def go(self, x: Tensor) -> Tensor:
        raise KeyError("mine")


class Static(nn.Module):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        raise KeyError("mine")


@pytest.mark.parametrize("model", [Bound, Static])
def test_an_error_of_a_forward_that_was_called_is_its_own(model: type[nn.Module]) -> None:
    with pytest.raises(KeyError, match="mine"):
        diagnose(model(), SHAPE, 10)


@pytest.mark.parametrize(
    ("model", "reason", "cure"),
    [
        (Misspelt, "Misspelt has no forward", "call it forward, not foward"),
        (nn.ModuleList, "ModuleList has no forward of its own: it only holds layers.", "take nn.Sequential"),
        (
            TakesLabels,
            "forward(self, x: torch.Tensor, labels: torch.Tensor), but it is called",
            "default",
        ),
        (NoSelf, "NoSelf has forward(x: torch.Tensor), but it is called with the images alone", "self is missing"),
        (NoForward, "NoForward has no forward, so that it cannot be called.", "indented as far as the __init__"),
    ],
)
def test_a_forward_that_cannot_be_called(model: type[nn.Module], reason: str, cure: str) -> None:
    diagnosis = found(model())
    assert (diagnosis.kind, diagnosis.layer) == ("forward", None)
    assert reason in diagnosis.reason
    assert cure in diagnosis.remedies[0]


def test_a_type_error_in_a_forward_passes_through() -> None:
    def one_too_many(model: Any, x: Tensor) -> Any:
        return model[0].forward(x, x)

    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        diagnose(LambdaNetwork(one_too_many, nn.Linear(16, 10)), SHAPE, 10)


def test_a_weight_that_would_not_be_trained() -> None:
    def line(model: Any, x: Tensor) -> Any:
        return model.unregistered[0](scores(model, x))

    hidden = nn.Linear(10, 10)
    diagnosis = found(LambdaNetwork(line, nn.Linear(16, 10), unregistered=hidden))
    assert (diagnosis.kind, diagnosis.layer) == ("parameters", "linear")
    assert diagnosis.reason == (
        "linear uses a weight of 10x10 that is none of the network's parameters: it would be neither trained nor saved."
    )
    assert "nn.ModuleList" in diagnosis.remedies[0]
    assert (
        diagnose(LambdaNetwork(line, nn.Linear(16, 10), unregistered=hidden.requires_grad_(False)), SHAPE, 10) is None
    )
    anew = found(LambdaNetwork(lambda m, x: nn.Linear(16, 10)(x.flatten(1))))
    assert (anew.kind, anew.remedies[0][:38]) == ("parameters", "make layers in __init__, not in forwar")


@pytest.mark.parametrize("kept_out", [torch.no_grad, None], ids=["no_grad", "detach"])
def test_a_teacher_that_no_gradient_reaches_is_none_of_the_parameters(kept_out: Any) -> None:
    teacher = nn.Linear(10, 10)

    def with_teacher(model: Any, x: Tensor) -> Any:
        given = scores(model, x)
        if kept_out is None:
            return given + model.unregistered[0](given).detach()
        with kept_out():
            target = model.unregistered[0](given)
        return given + target

    assert diagnose(LambdaNetwork(with_teacher, nn.Linear(16, 10), unregistered=teacher), SHAPE, 10) is None

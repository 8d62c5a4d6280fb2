"""Networks of several inputs, and those that are given another number of inputs than they take."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.anatomy.forward_inputs import InputsError

IMAGE, IMAGES = (3, 8, 8), torch.zeros(2, 3, 8, 8)


class WithCode(nn.Module):
    """A picture and five numbers beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.code = nn.Conv2d(3, 4, 3), nn.Linear(5, 4)

    def forward(self, image: Tensor, code: Tensor, scale: float = 1.0) -> Any:
        return self.conv(image) * torch.relu(self.code(code))[:, :, None, None] * scale


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left - right


class Step(nn.Module):
    """A picture and the number of a step, as in a diffusion network."""

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.conv = nn.Embedding(100, 4), nn.Conv2d(3, 4, 3)

    def forward(self, image: Tensor, step: Tensor) -> Any:
        return self.conv(image) + self.steps(step)[:, :, None, None]


class Sized(nn.Module):
    """What cannot be guessed."""

    def forward(self, image: Tensor, matrix: Tensor) -> Tensor:
        return image.mean((1, 2, 3))[:, None, None] * matrix.view(-1, 7, 11)


class Alone(nn.Sequential):
    def forward(self, x: Tensor) -> Any:
        return self[0](x)


def test_inputs_have_names_and_shapes() -> None:
    rows = {row.name: row for row in convboard.layer_table(WithCode(), [IMAGE, (5,)])}
    assert rows["conv"].inputs == ("input",)
    assert (rows["code"].inputs, rows["code"].input_shape, rows["code"].receptive_field) == (("input:2",), (5,), None)
    assert rows["mul"].receptive_field == (3, 3)


def test_a_network_that_takes_whole_numbers() -> None:
    rows = {row.name: row for row in convboard.layer_table(Step(), [IMAGE, ()])}
    assert (rows["steps"].inputs, rows["steps"].output_shape) == (("input:2",), (4,))
    field = convboard.effective_receptive_field(Step(), [IMAGE, ()], "add", 1, 1)
    assert field.box == (1, 1, 4, 4)


CALLS: list[Callable[..., object]] = [
    convboard.layer_table,
    lambda model, shapes: convboard.receptive_field(model, shapes, "conv"),
    lambda model, shapes: convboard.effective_receptive_field(model, shapes, "conv"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("model", "given", "message", "shapes"),
    [
        (WithCode(), IMAGE, "WithCode takes at least 2 inputs, forward(image: ", [IMAGE, (5,)]),
        (Pair(), IMAGE, "Pair takes 2 inputs, forward(left: ", [IMAGE, IMAGE]),
        (Step(), IMAGE, "Step takes 2 inputs, forward(image: ", [IMAGE, ()]),
        (Pair(), [IMAGE] * 3, "Pair takes 2 inputs, forward(left: ", [IMAGE, IMAGE]),
        (Alone(nn.ReLU()), [IMAGE, (5,)], "Alone takes 1 input, forward(x: ", IMAGE),
    ],
)
def test_another_number_of_inputs(
    call: Callable[..., object], model: nn.Module, given: Any, message: str, shapes: Any
) -> None:
    with pytest.raises(InputsError) as caught:
        call(model, given)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(f"{shapes}.")
    convboard.layer_table(model, shapes)  # the advice works


def test_shapes_that_are_not_found_are_named() -> None:
    with pytest.raises(InputsError, match=r"but 1 is given\. Give the shape of each: \[\(3, 8, 8\), shape_of_matrix\]"):
        convboard.layer_table(Sized(), IMAGE)


def test_tensors_are_asked_for_by_their_names() -> None:
    with pytest.raises(InputsError, match=r"but 1 is given\. Give the tensor of each: \(image, code\)\.$"):
        convboard.layer_outputs(WithCode(), IMAGES)
    with pytest.raises(InputsError, match=r"takes 1 input, .* but 2 are given\. Give x alone\.$"):
        convboard.layer_outputs(Alone(nn.ReLU()), (IMAGES, IMAGES))


@pytest.mark.parametrize("call", CALLS)
def test_a_type_error_inside_of_a_forward_is_its_own(call: Callable[..., object]) -> None:
    class Passes(Pair):
        def forward(self, *images: Tensor) -> Tensor:
            return super().forward(*images)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'right'"):
        call(Passes(), IMAGE)


def test_a_diagnosis_with_several_inputs() -> None:
    assert convboard.diagnose(WithCode(), [IMAGE, (5,)]) is None
    wrong = convboard.diagnose(WithCode(), [IMAGE, (6,)])
    assert wrong is not None
    assert wrong.reason == "Linear code wants 5 features but gets 6: the input is 6."
    assert wrong.remedies[0].startswith("write nn.Linear(6, 4) for code")
    with pytest.raises(InputsError, match="Pair takes 2 inputs"):
        convboard.diagnose(Pair(), [IMAGE] * 3)
    in_training = convboard.diagnose(WithCode(), IMAGE, num_classes=4)
    assert in_training is not None
    assert in_training.reason.endswith("a network of several inputs cannot be trained here.")

"""What a unit mostly depends on, with its weights."""

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.effective_field import effective_receptive_field
from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.summary import receptive_field
from convboard.errors import ModelError

SHAPE = (1, 25, 25)


def constant(model: nn.Module) -> nn.Module:
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.0)
    return model


def test_one_kernel_of_equal_weights_is_used_as_a_whole() -> None:
    field = effective_receptive_field(constant(nn.Conv2d(1, 2, 5)), SHAPE, "Conv2d", 10, 10)
    assert field.box == Box(10, 10, 15, 15)
    assert torch.allclose(field.weights[10:15, 10:15], torch.full((5, 5), 1 / 25, dtype=torch.float64))


def test_many_kernels_of_equal_weights_mostly_see_the_middle() -> None:
    """The sum of ten windows of three has a standard deviation of (10·2/3)^½ = 2.6 pixels, 95 % of it in 2·2.6."""
    model = constant(nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(10))))
    assert receptive_field(model, SHAPE, "9", 12, 12) == Box(2, 2, 23, 23)
    field = effective_receptive_field(model, SHAPE, "9", 12, 12)
    assert field.box == Box(7, 7, 18, 18)
    assert float(field.weights.sum()) == pytest.approx(1)
    assert torch.allclose(field.weights, field.weights.flip(0))


def test_the_weights_decide() -> None:
    model = nn.Conv2d(1, 1, 5, bias=False)
    nn.init.zeros_(model.weight)
    model.weight.data[..., 1, 3] = 1
    assert receptive_field(model, SHAPE, "Conv2d", 0, 0) == Box(0, 0, 5, 5)
    assert effective_receptive_field(model, SHAPE, "Conv2d", 0, 0).box == Box(1, 3, 2, 4)


def test_functions_in_place_units_without_positions_and_the_callers_images() -> None:
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Softmax(1))
    images = torch.randn(2, *SHAPE)
    given = images.clone()
    field = effective_receptive_field(model, SHAPE, "4", images=images)  # the sum of a softmax has no gradient
    assert torch.equal(images, given)
    assert field.box.bottom - field.box.top > 20
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


def test_what_has_no_gradient() -> None:
    class Signs(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sign(x)

    with pytest.raises(ModelError, match="sign, row 0, column 0 has no gradient"):
        effective_receptive_field(Signs(), SHAPE, "sign")
    with pytest.raises(ModelError, match="No layer is called 'conv'"):
        effective_receptive_field(Signs(), SHAPE, "conv")

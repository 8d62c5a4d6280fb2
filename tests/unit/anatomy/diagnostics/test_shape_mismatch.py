"""Rules for sums and concatenations of unlike shapes; a remedy that is suggested must work."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.models.infer_arguments import build
from diagnosed_networks import LambdaNetwork, diagnosed


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: bool, padding: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=padding)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if shortcut else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.shortcut(x))


def residual(*blocks: nn.Module) -> nn.Module:
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10))


def test_residual_branches_of_unlike_shapes() -> None:
    diagnosis = diagnosed(nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), Block(64, 128, 2, shortcut=False)), (1, 16, 16))
    assert (diagnosis.kind, diagnosis.layer) == ("branches", "1.add")
    assert "1.conv2 gives 128x8x8" in diagnosis.reason
    assert "64x16x16" in diagnosis.reason
    (cure,) = diagnosis.remedies
    assert cure.endswith("nn.Conv2d(64, 128, 1, stride=2)")
    shape = (64, 16, 16)
    check_fit(build(lambda: residual(Block(64, 128, 2, shortcut=True)), shape, 10), shape, 10)


def test_residual_branches_that_padding_brings_together() -> None:
    diagnosis = diagnosed(Block(4, 4, 1, shortcut=False, padding=0), (4, 8, 8))
    assert diagnosis.remedies == ("set padding=1 in conv1 and conv2",)
    assert diagnose(Block(4, 4, 1, shortcut=False, padding=1), (4, 8, 8)) is None


def test_pictures_of_unlike_sizes_in_one() -> None:
    diagnosis = diagnosed(
        LambdaNetwork(lambda parts, x: torch.cat([parts[0](x), x], dim=1), nn.Conv2d(1, 2, 3)), (1, 8, 8)
    )
    assert diagnosis.reason.endswith("layers.0 gives 2x6x6, the input gives 1x8x8.")
    assert diagnosis.remedies == ("set padding=1 in layers.0",)
    model = LambdaNetwork(lambda parts, x: torch.cat([parts[0](x), x, x], dim=1), nn.Conv2d(1, 2, 1, 2))
    assert diagnosed(model, (1, 8, 8)).remedies == ("bring all to 4x4 first: F.adaptive_avg_pool2d(x, (4, 4))",)


def test_a_branch_with_too_little_padding() -> None:
    branches = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 5, padding=1)
    model = LambdaNetwork(lambda parts, x: torch.cat([parts[0](x), parts[1](x)], dim=1), *branches)
    assert diagnosed(model, (1, 8, 8)).remedies == ("set padding=2 in layers.1",)


def test_an_odd_size_that_is_halved_and_doubled() -> None:
    def forward(parts: LambdaNetwork, x: Tensor) -> Any:
        return torch.cat([parts[0](F.max_pool2d(x, 2)), x], dim=1).mean((2, 3))

    diagnosis = diagnosed(LambdaNetwork(forward, nn.ConvTranspose2d(1, 9, 2, 2)), (1, 7, 7), 10)
    assert diagnosis.reason.endswith(" 7 is odd: half of it is 3, and twice that 6.")
    assert diagnosis.remedies == (
        "write F.interpolate(parts[0](F.max_pool2d(x, 2)), size=x.shape[-2:]) for parts[0](F.max_pool2d(x, 2))",
        "give it images of 28x28",
    )


def test_branches_that_no_shortcut_brings_together() -> None:
    model = LambdaNetwork(lambda parts, x: parts[0](x) + parts[1](x), nn.Conv2d(1, 2, 1), nn.Conv2d(1, 3, 2, 3))
    diagnosis = diagnosed(model, (1, 8, 8))
    assert "layers.0 gives 2x8x8, layers.1 gives 3x3x3" in diagnosis.reason
    assert diagnosis.remedies == ("let both branches give the same channels and the same size",)


def test_factors_that_are_broadcast_are_no_unlike_branches() -> None:
    def gated(parts: LambdaNetwork, x: Tensor) -> Any:
        features = parts[0](x)
        return (features * features.mean((2, 3), keepdim=True)).mean((2, 3))

    assert diagnose(LambdaNetwork(gated, nn.Conv2d(1, 10, 3)), (1, 8, 8), 10) is None


@pytest.mark.parametrize(
    ("dim", "cure"), [(0, "join along the channels: dim=1"), (2, "give all the same sizes but that one")]
)
def test_pictures_joined_along_another_dimension(dim: int, cure: str) -> None:
    model = LambdaNetwork(lambda parts, x: torch.cat([parts[0](x), x], dim), nn.Conv2d(1, 2, 1))
    diagnosis = diagnosed(model, (1, 8, 8))
    assert (diagnosis.kind, diagnosis.remedies) == ("branches", (cure,))


class ClassToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.fc = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(torch.cat([self.token, x[:, 0]], 1)[:, 0])


def test_a_parameter_that_is_there_once_for_the_whole_batch() -> None:
    diagnosis = diagnose(ClassToken(), (1, 4, 4), 10)
    assert diagnosis is not None
    assert diagnosis.reason.endswith("the parameter token gives 1x1x4, getitem gives 4x4.")
    assert diagnosis.remedies == ("write self.token.expand(x.size(0), -1, -1) for self.token, one for each image",)

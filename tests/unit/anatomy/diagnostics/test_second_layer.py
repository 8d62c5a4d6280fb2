"""A layer that is called twice, with other numbers of channels or features."""

import pytest
from torch import nn

from convboard.anatomy.check import check_fit
from diagnosed_networks import LambdaNetwork, found

SHAPE = (1, 8, 8)


class Norm(nn.BatchNorm2d):
    def __init__(self, width: int) -> None:
        super().__init__(width)


@pytest.mark.parametrize(
    ("layers", "remedies"),
    [
        (
            [nn.Conv2d(1, 8, 3, stride=2, padding=1)] * 2,
            (
                "forward calls layers.0 twice: make another layer, self.conv2d_2 = nn.Conv2d(8, 8, 3, stride=2, "
                "padding=1), and call it the second time",
            ),
        ),
        (
            [nn.Flatten(), *[nn.Linear(64, 32)] * 2],
            (
                "forward calls layers.1 twice: make another layer, self.linear_2 = nn.Linear(32, 32), and call it the "
                "second time",
            ),
        ),
        (
            [nn.Conv2d(1, 8, 3), norm := nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3), norm],
            (
                "forward calls layers.1 twice: make another layer, self.batchnorm2d_2 = nn.BatchNorm2d(16), and call "
                "it the second time",
                "let layers.2 give as many: nn.Conv2d(8, 8, 3)",
            ),
        ),
        (
            [nn.Conv2d(1, 8, 3), groups := nn.GroupNorm(4, 8, eps=0.1), nn.Conv2d(8, 16, 3), groups],
            (
                "forward calls layers.1 twice: make another layer, self.groupnorm_2 = nn.GroupNorm(4, 16, eps=0.1), "
                "and call it the second time",
            ),
        ),
        (
            [nn.Conv2d(1, 8, 3), own := Norm(8), nn.Conv2d(8, 16, 3), own],
            (
                "forward calls layers.1 twice: make another layer, self.norm_2, a Norm with num_features=16, and call "
                "it the second time",
                "let layers.2 give as many: nn.Conv2d(8, 8, 3)",
            ),
        ),
    ],
    ids=["convolution", "linear", "norm", "group norm", "own class"],
)
def test_the_second_call_gets_a_layer_of_its_own(layers: list[nn.Module], remedies: tuple[str, ...]) -> None:
    model = LambdaNetwork(lambda m, x: nn.Sequential(*m.layers)(x), *layers)
    assert found(model, SHAPE).remedies == remedies


def test_the_remedy_works() -> None:
    end = (nn.Flatten(), nn.Linear(8 * 16, 10))
    check_fit(nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), *end), SHAPE, 10)

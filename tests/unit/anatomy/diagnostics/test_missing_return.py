"""The remedy for a forward that returns nothing."""

from collections.abc import Callable

import pytest
from torch import Tensor, nn

from diagnosed_networks import LambdaNetwork, found, scores


class Kept(nn.Module):
    """Its forward keeps the scores in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> None:
        self.scores = self.fc(x.flatten(1))


def without_return(m: LambdaNetwork, x: Tensor) -> None:
    x = x.flatten(1)
    m[0](x)


def assigned(m: LambdaNetwork, x: Tensor) -> None:
    x = scores(m, x)


def printed(m: LambdaNetwork, x: Tensor) -> None:
    result = scores(m, x)
    print(result.shape)


def empty_return(m: LambdaNetwork, x: Tensor) -> None:
    result = scores(m, x)
    if result.ndim:
        return


def other_number(m: LambdaNetwork, x: Tensor) -> None:
    m[0](x.flatten(1))[:, :3]


def unknown(m: LambdaNetwork, x: Tensor) -> None:
    x.flatten(1)[:, 0].size()


@pytest.mark.parametrize(
    ("function", "end"),
    [
        (without_return, "end with return m[0](x)"),
        (assigned, "end with return x"),
        (printed, "end with return result"),
        (empty_return, "end with return result"),
        (other_number, "end with return m[0](x.flatten(1))[:, :3]"),
        (unknown, "return the scores of the classes, [N, 10]"),
    ],
)
def test_the_scores_are_returned(function: Callable[[LambdaNetwork, Tensor], None], end: str) -> None:
    diagnosis = found(LambdaNetwork(function, nn.Linear(16, 10)))
    assert diagnosis.remedies == (f"let {function.__name__} {end}",)
    assert diagnosis.place is not None
    assert diagnosis.place[0].endswith(f"in {function.__name__}")


def test_an_attribute_is_returned() -> None:
    assert found(Kept()).remedies == ("let Kept.forward end with return self.scores",)

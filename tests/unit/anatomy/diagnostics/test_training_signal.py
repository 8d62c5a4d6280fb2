"""Values on the way through a network that carry too little of the images."""

import pytest
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import nn

from training_slips import Net, warning_of, warnings_of


@pytest.mark.parametrize(("p", "better"), [(0.95, "0.05"), (1.0, "0.5")])
def test_dropout_of_nearly_all(p: float, better: str) -> None:
    warning = warning_of(Net(middle=lambda net, x: net.drop(x), drop=nn.Dropout(p)))
    assert f"sets {p:.0%} of the values to zero" in warning.reason
    assert f"p={better}" in warning.remedy


@pytest.mark.parametrize(("factor", "size"), [(1 / 255, "0.0039"), (255, "25")])
def test_images_that_are_scaled_again(factor: float, size: str) -> None:
    assert f"values of about {size}" in warning_of(Net(start=lambda _, x: x * factor)).reason


def test_scores_that_are_huge_before_training() -> None:
    model = Net()
    for weight in model.parameters():
        nn.init.normal_(weight, 0, 100)
    warning = warning_of(model)
    assert warning.reason.startswith("The loss begins at about ")
    assert "where guessing gives 2.30" in warning.reason


def test_a_softmax_along_one_value() -> None:
    warning = warning_of(Net(middle=lambda net, x: x * F.softmax(net.gate(x), 1), gate=nn.Linear(8, 1)))
    assert warning.reason.startswith("softmax (test_training_signal.py, line 32) runs along dim=1, which has one value")


def test_running_statistics_of_the_last_batch() -> None:
    warning = warning_of(Net(middle=lambda net, x: net.norm(x), norm=nn.BatchNorm1d(8, momentum=0.99)))
    assert warning.reason.startswith("norm (BatchNorm1d, test_training_signal.py, line 37) has momentum=0.99")
    assert "momentum=0.01" in warning.remedy


@pytest.mark.parametrize("momentum", [None, 0.1, 0.01])
def test_running_statistics_of_many_batches(momentum: float | None) -> None:
    assert not warnings_of(Net(middle=lambda net, x: net.norm(x), norm=nn.BatchNorm1d(8, momentum=momentum)))

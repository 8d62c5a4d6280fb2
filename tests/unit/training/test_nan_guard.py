import pytest
import torch
from torch import Tensor

from convboard.errors import TrainingError
from convboard.training.nan_guard import NanGuard


def fused_optimizer() -> tuple[Tensor, torch.optim.Optimizer]:
    weight = torch.nn.Parameter(torch.ones(3))
    return weight, torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)


def take(guard: NanGuard, weight: Tensor, loss: float, step: int) -> None:
    weight.grad = torch.full((3,), loss)
    guard.step(torch.tensor(loss), step, epoch=1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_bad_loss_stops_before_the_step(bad: float) -> None:
    weight, optimizer = fused_optimizer()
    guard = NanGuard(optimizer, torch.device("cpu"), "Try less.")
    take(guard, weight, 1.0, 1)
    before = weight.clone()
    with pytest.raises(TrainingError, match=rf"^The loss is {bad} at step 2 \(epoch 1\); .*good\. Try less\.$"):
        take(guard, weight, bad, 2)
    assert torch.equal(weight, before)


class AcceleratorGuard(NanGuard):
    """Works on the CPU as it does on an accelerator: the CPU's fused kernels can skip a step as well."""

    SYNCHRONOUS = ()


def test_without_looking_the_weights_stay_as_before_the_bad_loss() -> None:
    weight, optimizer = fused_optimizer()
    guard = AcceleratorGuard(optimizer, torch.device("cpu"))
    take(guard, weight, 1.0, 1)
    before = weight.clone()
    take(guard, weight, float("nan"), 2)
    take(guard, weight, 1.0, 3)  # a later good loss changes nothing either: its gradients came from a doomed run
    assert torch.equal(weight, before)
    with pytest.raises(TrainingError, match=r"^The loss is nan at step 2 \(epoch 1\)"):
        guard.check(1)

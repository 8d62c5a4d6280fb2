"""The look at a network after its first steps: whether it is at chance, and whether gradients reach its weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.training.callbacks import EpochEnd, Evaluation, FitStart, Step
from convboard.training.learning_check import STEPS, LearningCheck

LABELS = torch.arange(1000) % 4


class Pair(nn.Module):
    """Two layers; what is done between them decides which gradients there are."""

    def __init__(self, between: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(3, 5)
        self.second = nn.Linear(5, 4)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        scores: Tensor = self.second(self.between(self.first(x)))
        return scores


def evaluation(logits: Tensor, labels: Tensor = LABELS) -> Evaluation:
    loss = nn.functional.cross_entropy(logits, labels).item()
    return Evaluation(loss, (logits.argmax(1) == labels).float().mean().item(), logits, labels)


NOISE = evaluation(torch.randn(1000, 4, generator=torch.Generator().manual_seed(0)))
CONSTANT = evaluation(torch.eye(4)[torch.zeros(1000, dtype=torch.int64)])
LEARNED = evaluation(torch.eye(4)[LABELS] + torch.randn(1000, 4, generator=torch.Generator().manual_seed(1)))


def told(
    model: nn.Module,
    val: Evaluation = LEARNED,
    steps: int = STEPS,
    train_accuracy: float = 0.25,
    start: int = 0,
    lr: float = 10.0,
    change: float = 0.1,
    backward: Callable[[nn.Module, int], Any] = lambda model, _: model(torch.ones(2, 3)).sum().backward(),
) -> list[TrainingWarning]:
    """What is reported of a run of one epoch."""
    found: list[TrainingWarning] = []
    check = LearningCheck(found.extend, ("a", "b", "c", "d"), "Try this.", lr, "Too small.")
    check.load_state_dict(check.state_dict())
    check.on_fit_start(FitStart(model, torch.device("cpu"), 1, steps, global_step=start))
    for number in range(start + 1, steps + 1):
        model.zero_grad()
        backward(model, number)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1 + change / steps)
        check.on_step(Step(number, 1, torch.ones(()), torch.zeros((), dtype=torch.int64), 2, lr * number / STEPS))
    end = EpochEnd(1, steps, 1.0, train_accuracy, val, 100.0, is_best=True, is_last=True)
    check.on_epoch_end(end)
    check.on_epoch_end(end)  # it tells everything once
    return found


def test_nothing_is_told_of_a_network_that_learns() -> None:
    assert told(Pair()) == []


@pytest.mark.parametrize("val", [NOISE, CONSTANT])
def test_a_network_at_chance(val: Evaluation) -> None:
    (warning,) = told(Pair(), val)
    assert warning.word == "at chance"
    assert warning.reason.startswith("After epoch 1 (100 steps, learning rate up to 10) the network is at chance: ")
    assert f"an accuracy of {val.accuracy:.2%} on val, where the largest class has 25.00% of the" in warning.reason
    assert warning.reason.endswith("100% of its answers are 'a'.") == (val is CONSTANT)
    assert warning.remedy == "Try this."


def test_the_share_of_the_largest_class_alone_is_no_sign() -> None:
    labels = (torch.arange(1000) % 10 == 0).long()
    scores = torch.stack([torch.full((1000,), 2.0), torch.zeros(1000)], 1)
    scores[:, 1] += labels * 1.5  # no image is answered otherwise, but the classes are told apart
    val = evaluation(scores, labels)
    assert val.accuracy == pytest.approx(0.9)
    assert told(Pair(), val) == []


def test_a_network_that_works_in_training_only() -> None:
    (warning,) = told(Pair(), NOISE, train_accuracy=0.9)
    assert warning.word == "evaluation at chance"
    assert "an accuracy of 90.00% on the training images, but" in warning.reason


def test_too_few_steps_and_resumed_runs_are_not_judged() -> None:
    assert told(Pair(), NOISE, steps=STEPS - 1) == []
    assert told(Pair(), NOISE, start=1) == []


def test_weights_whose_gradient_is_zero() -> None:
    (warning,) = told(Pair(lambda x: torch.relu(x - 100)))
    assert warning.reason.startswith("The gradient of first.weight and second.weight is exactly zero")
    assert warning.layer == "first"


def test_a_gradient_that_is_zero_in_some_steps_is_fine() -> None:
    def backward(model: nn.Module, number: int) -> None:
        (model(torch.ones(2, 3)).sum() * (number % 64 == 0)).backward()

    assert told(Pair(), backward=backward) == []


def test_weights_that_no_step_reaches() -> None:
    model = Pair()
    model.third = nn.Linear(2, 2)
    (warning,) = told(model)
    assert warning.reason == "third.weight and third.bias got no gradient in any of 100 steps."
    assert warning.is_harmless


def test_weights_that_some_step_reaches() -> None:
    def backward(model: Any, number: int) -> None:
        parts = model.first if number > 50 else model
        parts(torch.ones(2, 3)).sum().backward()

    assert told(Pair(), backward=backward) == []


def test_a_learning_rate_that_changes_nothing() -> None:
    (warning,) = told(Pair(), lr=1e-9, change=0)
    assert warning.reason == "After 100 steps the weights have changed by 0 of their size."
    assert warning.remedy == "Too small."
    assert [one.word for one in told(Pair(), steps=21, change=0)] == ["no change"]


def test_weights_that_change_little_are_not_reported_without_reason() -> None:
    assert told(Pair(), change=1e-3) == []
    assert told(Pair(), steps=10, change=0) == []  # too few steps
    assert told(Pair(), change=0, start=1) == []  # a resumed run
    assert told(Pair(), lr=0.0, change=0) == []  # a schedule that has not begun
    assert [one.word for one in told(Pair(lambda x: torch.relu(x - 100)), change=0)] == ["zero gradient"]


def test_a_little_change_is_still_seen_after_the_check() -> None:
    model, found = Pair(), list[TrainingWarning]()
    check = LearningCheck(found.extend, ("a", "b", "c", "d"), "Try this.", 1.0, "Too small.")
    check.on_fit_start(FitStart(model, torch.device("cpu"), 2, 2 * STEPS, global_step=0))
    for number in range(1, 2 * STEPS + 1):
        model(torch.ones(2, 3)).sum().backward()
        check.on_step(Step(number, 1, torch.ones(()), torch.zeros((), dtype=torch.int64), 2, 1.0))
        if number % STEPS == 0:
            with torch.no_grad():
                for weight in model.parameters():
                    weight.mul_(1 + 3e-4)
            is_last = number == 2 * STEPS
            assert not found
            check.on_epoch_end(
                EpochEnd(number // STEPS, number, 1.0, 0.25, LEARNED, 100.0, is_last=is_last, is_best=True)
            )
    assert [one.reason for one in found] == ["After 200 steps the weights have changed by 0.0006 of their size."]


def test_weights_that_are_zero() -> None:
    model = Pair()
    for weight in model.parameters():
        nn.init.zeros_(weight)
    (warning,) = told(model)
    assert warning.reason == "All values of first.weight and second.weight are zero, and their gradient too."

import json

import pytest
import torch

from convboard.training.callbacks import Step
from convboard.training.metrics import StepMetrics


def make_step(loss: float, correct: int, samples: int) -> Step:
    return Step(1, 1, torch.tensor(loss), torch.tensor(correct), samples, lr=0.1)


def test_the_means_are_over_samples_and_not_over_steps() -> None:
    metrics = StepMetrics()
    metrics.add(make_step(1.0, 3, 8))
    metrics.add(make_step(4.0, 1, 2))
    assert metrics.samples == 10
    assert metrics.means() == pytest.approx((1.6, 0.4))


def test_half_an_epoch_goes_on_with_the_same_bits() -> None:
    whole, begun, resumed = (StepMetrics() for _ in range(3))
    steps = [make_step(1 / number, number, 7) for number in range(1, 7)]
    for step in steps:
        whole.add(step)
    for step in steps[:3]:
        begun.add(step)
    resumed.load_state_dict(json.loads(json.dumps(begun.state_dict())))
    for step in steps[3:]:
        resumed.add(step)
    assert resumed.state_dict() == whole.state_dict()
    assert resumed.means() == whole.means()


def test_steps_are_left_as_they_are() -> None:
    step = make_step(2.0, 1, 3)
    metrics = StepMetrics()
    metrics.add(step)
    metrics.add(step)
    assert (step.loss.item(), step.correct.item()) == (2.0, 1)


def test_many_steps_are_read_in_their_order_whenever_they_are_read() -> None:
    at_once, bit_by_bit = StepMetrics(), StepMetrics()
    for number in range(1, 700):
        step = make_step(1 / number, number % 5, 4)
        at_once.add(step)
        bit_by_bit.add(step)
        if number % 50 == 0:
            bit_by_bit.state_dict()
    assert not at_once.is_ready()
    at_once.copy()
    assert at_once.is_ready()
    assert at_once.state_dict() == bit_by_bit.state_dict()
    assert at_once.means() == pytest.approx(
        (sum(1 / number for number in range(1, 700)) / 699, sum(number % 5 for number in range(1, 700)) / (4 * 699))
    )

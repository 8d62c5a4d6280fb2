import json

import pytest
import torch

from convboard.training.callbacks import Step
from convboard.training.metrics import EpochMetrics

CPU = torch.device("cpu")


def make_step(loss: float, correct: int, samples: int) -> Step:
    return Step(1, 1, torch.tensor(loss), torch.tensor(correct), samples, lr=0.1)


def test_the_means_are_over_samples_and_not_over_steps() -> None:
    metrics = EpochMetrics(CPU)
    metrics.add(make_step(1.0, 3, 8))
    metrics.add(make_step(4.0, 1, 2))
    assert metrics.samples == 10
    assert metrics.means() == pytest.approx((1.6, 0.4))


def test_an_epoch_begins_with_nothing() -> None:
    metrics = EpochMetrics(CPU)
    metrics.add(make_step(7.0, 0, 5))
    metrics.reset()
    assert metrics.samples == 0
    metrics.add(make_step(1.0, 2, 4))
    assert metrics.means() == (1.0, 0.5)


def test_half_an_epoch_goes_on_with_the_same_bits() -> None:
    whole, begun, resumed = (EpochMetrics(CPU) for _ in range(3))
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
    metrics = EpochMetrics(CPU)
    metrics.add(step)
    metrics.add(step)
    assert (step.loss.item(), step.correct.item()) == (2.0, 1)

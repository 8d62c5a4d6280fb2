"""A recorded step is the same as one computed anew; a stand-in takes the place of torch's CUDA graph."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.config.groups import TrainerConfig
from convboard.data.batches import Batch
from convboard.errors import ModelError
from convboard.training import train_step
from convboard.training.execution_plan.plan import Plan
from convboard.training.forward_backward import ForwardBackward, RecordedForwardBackward
from convboard.training.train_step import TrainStep
from training_setups import make_setup

CPU = torch.device("cpu")


class Recorder:
    """Calls what it records three times, as torch asks for, and repeats it on the same tensors."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replays = 0

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        for _ in range(3):
            function()

        def replay() -> None:
            self.replays += 1
            function()

        return replay


def batches(*sizes: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    return [
        Batch(torch.randn(size, 2, 6, 6, generator=generator), torch.arange(size) % 3, torch.arange(size))
        for size in sizes
    ]


def train(steps: list[list[Batch]], **plan: Any) -> tuple[list[tuple[Tensor, Tensor]], dict[str, Tensor], Tensor]:
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(64, 3))
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    limits = TrainerConfig(max_epochs=1, gradient_clip=1.0)
    train_step = TrainStep(make_setup(model, optimizer, limits, plan=Plan(CPU, **plan)))
    taken = [train_step.take(step, number, 1) for number, step in enumerate(steps)]
    return [(step.loss, step.correct) for step in taken], model.state_dict(), torch.get_rng_state()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(train_step, "RecordedForwardBackward", partial(RecordedForwardBackward, record=recorder))
    return recorder


STEPS = {
    "whole batches and a last, smaller one": [batches(8), batches(8), batches(3), batches(8)],
    "the smaller one first, as after a resume": [batches(3), batches(8), batches(3), batches(8)],
    "accumulated": [batches(8, 8), batches(8, 3), batches(8, 8)],
}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_replayed_step_has_the_same_bits(steps: list[list[Batch]], precision: str, recorder: Recorder) -> None:
    plain_steps, plain_weights, plain_numbers = train(steps, precision=precision)
    assert recorder.recorded == 0
    given, weights, numbers = train(steps, precision=precision, cuda_graph=True)
    assert recorder.recorded == (2 if len(steps[0][0].labels) == 3 else 1)
    assert recorder.replays > 1
    assert all(torch.equal(value, plain_weights[name]) for name, value in weights.items())
    assert torch.equal(numbers, plain_numbers)
    for step, plain in zip(given, plain_steps, strict=True):  # compared at the end: none was written to again
        assert torch.equal(step[0], plain[0])
        assert torch.equal(step[1], plain[1])


class DropsByChance(nn.Linear):
    """Leaves itself out in about half of the steps."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * float(random.random() < 0.5)


def test_a_network_that_decides_by_python_s_random_numbers_is_not_recorded() -> None:
    model = DropsByChance(3, 2)
    state = random.getstate()
    passes = RecordedForwardBackward(model, ForwardBackward(model, nn.CrossEntropyLoss(), Plan(CPU)), CPU, Recorder())
    with pytest.raises(ModelError, match="draws random numbers with Python"):
        passes(Batch(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), torch.arange(4)))
    assert random.getstate() == state

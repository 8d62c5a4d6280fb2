import json

import pytest
import torch
from torch import nn

from convboard.board.scalars import Point, TrainingCurves, point_interval
from convboard.training.callbacks import Step


def step(number: int, loss: float = 1.0, correct: int = 1, samples: int = 4, norm: float | None = 2.0) -> Step:
    gradient_norm = None if norm is None else torch.tensor(norm)
    return Step(number, 1, torch.tensor(loss), torch.tensor(correct), samples, lr=0.5, gradient_norm=gradient_norm)


def values(point: Point) -> dict[str, float]:
    return {value.tag: value.simple_value for value in point.values}


@pytest.mark.parametrize(("steps", "expected"), [(1, 1), (199, 1), (315, 1), (860, 4), (4300, 21), (100_000, 50)])
def test_the_interval_spreads_points_over_a_short_run_and_stays_fine_over_a_long_one(steps: int, expected: int) -> None:
    assert point_interval(steps) == expected


def test_points_come_at_step_1_at_each_interval_and_at_the_end() -> None:
    curves = TrainingCurves(3, [])
    points = []
    for number in range(1, 9):
        curves.add(step(number))
        points += curves.points()
    assert [point.step for point in points] == [1, 3, 6]
    assert [point.step for point in curves.finish()] == [8]
    assert curves.finish() == []


def test_a_point_is_the_mean_over_the_samples_since_the_last() -> None:
    curves = TrainingCurves(3, [])
    for arguments in ((1, 9.0, 0, 4), (2, 1.0, 2, 2), (3, 4.0, 3, 4)):
        curves.add(step(*arguments))
    first, second = curves.points()
    assert values(first) == pytest.approx({"loss/train": 9, "accuracy/train": 0, "lr": 0.5, "gradients/norm": 2})
    assert values(second)["loss/train"] == pytest.approx((1.0 * 2 + 4.0 * 4) / 6)
    assert values(second)["accuracy/train"] == pytest.approx(5 / 6)


def test_the_gradient_norm_is_computed_where_the_step_brings_none() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])
    curves = TrainingCurves(1, layer.parameters())
    curves.add(step(1, norm=None))
    assert values(curves.points()[0])["gradients/norm"] == pytest.approx(5)


def test_a_network_without_gradients_has_norm_zero() -> None:
    curves = TrainingCurves(1, [])
    curves.add(step(1, norm=None))
    assert values(curves.points()[0])["gradients/norm"] == 0


def test_half_precision_losses_are_summed_in_full() -> None:
    curves = TrainingCurves(100, [])
    for number in range(2, 101):
        curves.add(Step(number, 1, torch.tensor(0.5).bfloat16(), torch.tensor(1), 1000, 0.1, torch.tensor(0.0)))
    (point,) = curves.points()
    assert values(point)["loss/train"] == 0.5


def test_resumed_curves_go_on_to_the_last_bit() -> None:
    losses = torch.rand(20, generator=torch.Generator().manual_seed(0)).tolist()
    whole, killed = TrainingCurves(7, []), TrainingCurves(7, [])
    for number, loss in enumerate(losses[:10], 1):
        whole.add(step(number, loss))
        killed.add(step(number, loss))
    killed.points(wait=True)
    resumed = TrainingCurves(50, [])
    resumed.load_state_dict(json.loads(json.dumps(killed.state_dict())))
    for number, loss in enumerate(losses[10:], 11):
        whole.add(step(number, loss))
        resumed.add(step(number, loss))
    of_whole = [(point.step, values(point)) for point in whole.finish()][2:]
    assert [(point.step, values(point)) for point in resumed.finish()] == of_whole
    assert [number for number, _ in of_whole] == [14, 20]


@pytest.mark.parametrize("norm", [2.0, None])
def test_a_run_resumed_after_its_last_step_has_its_last_point(norm: float | None) -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0, 0.1]]), torch.tensor([4.0])
    whole = TrainingCurves(3, layer.parameters())
    for number in range(1, 6):
        whole.add(step(number, loss=1 / number, correct=number % 3, norm=norm))
    whole.points(wait=True)
    first = TrainingCurves(50, nn.Linear(2, 1).parameters())  # in the new process no parameter has a gradient
    first.load_state_dict(json.loads(json.dumps(whole.state_dict())))
    second = TrainingCurves(50, [])  # killed again, before a step
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    (expected,) = whole.finish()
    for resumed in (first, second):
        (point,) = resumed.finish()
        assert (point.step, values(point)) == (5, values(expected))
        assert resumed.finish() == []


def test_curves_go_on_from_a_checkpoint_that_lists_each_step() -> None:
    last = {"global_step": 2, "lr": 0.5, "gradient_norm": 2.0}
    resumed = TrainingCurves(50, [])
    resumed.load_state_dict({"every": 3, "losses": [1.0, 4.0], "correct": [1.0, 2.0], "samples": [2, 4], **last})
    resumed.add(step(3, loss=0.0, correct=3, samples=4))
    (point,) = resumed.points()
    assert (point.step, values(point)["loss/train"], values(point)["accuracy/train"]) == pytest.approx((3, 1.8, 0.6))

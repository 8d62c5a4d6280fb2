import io
import re

import pytest
import torch
from rich.console import Console
from torch import nn

from convboard.training.callbacks import EpochEnd, Evaluation, FitEnd, FitStart, Step
from convboard.training.progress import ProgressDisplay, loss_text

START = FitStart(nn.Linear(1, 1), torch.device("cpu"), max_epochs=12, steps_per_epoch=10)
END = FitEnd("finished", 120, 12, None, {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, to be set by the test."""
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def step(number: int, loss: float, correct: int, epoch: int = 1) -> Step:
    return Step(number, epoch, torch.tensor(loss), torch.tensor(correct), samples=50, lr=0.1)


def epoch_end(epoch: int) -> EpochEnd:
    val = Evaluation(0.25, 0.9125, torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
    return EpochEnd(epoch, 10 * epoch, 1.5, 0.5, val, images_per_second=12345.6, is_last=epoch == 12, is_best=True)


def display(terminal: bool) -> tuple[ProgressDisplay, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=100, color_system=None, legacy_windows=False)
    return ProgressDisplay(console), written


def frames(written: io.StringIO) -> list[str]:
    """Each new look of the bar, without the control characters."""
    drawn = [frame.strip() for frame in re.split(r"\r?\x1b\[[?\w]*", written.getvalue()) if "left" in frame]
    return [frame for frame, before in zip(drawn, ["", *drawn]) if frame != before]


def test_plain_lines_where_the_output_is_no_terminal() -> None:
    shown, written = display(terminal=False)
    shown.on_fit_start(START)
    shown.on_step(step(1, 2.0, 10))
    shown.on_epoch_end(epoch_end(9))
    shown.on_epoch_end(epoch_end(10))
    shown.on_fit_end(END)
    assert written.getvalue() == (
        "    epoch   train loss  accuracy   val loss  accuracy    images/s\n"
        "     9/12       1.5000    50.00%     0.2500    91.25%      12,346\n"
        "    10/12       1.5000    50.00%     0.2500    91.25%      12,346\n"
    )


@pytest.mark.parametrize(
    ("loss", "text"),
    [(2.30259, "2.3026"), (99999.0, "99999.0000"), (1.42027e23, "1.4203e+23"), (float("inf"), "inf")],
)
def test_a_large_loss_keeps_the_columns(loss: float, text: str) -> None:
    assert loss_text(loss) == text


def test_the_bar_shows_the_means_of_the_steps_since_it_was_drawn(clock: list[float]) -> None:
    shown, written = display(terminal=True)
    shown.on_fit_start(START)
    for number in range(1, 7):
        clock[0] += 0.125  # two steps in a refresh
        shown.on_step(step(number, loss=float(number), correct=10 * number))
    shown.on_fit_end(END)
    first, second, third, fourth = frames(written)
    assert first.startswith("1/12 ")
    assert "loss" not in second  # it is not known without waiting: a figure is shown one drawing later
    assert "400 images/s" in second
    assert "loss 1.5000  accuracy  30.00%" in third
    assert "loss 3.5000  accuracy  70.00%" in fourth
    assert "left" in fourth


def test_what_is_done_between_epochs_does_not_slow_the_speed(clock: list[float]) -> None:
    shown, written = display(terminal=True)
    shown.on_fit_start(START)
    clock[0] += 0.15
    shown.on_step(step(10, 1.0, 25))
    clock[0] += 30  # evaluation and pictures
    shown.on_epoch_end(epoch_end(1))
    clock[0] += 0.1
    shown.on_step(step(11, 1.0, 25, epoch=2))
    shown.on_fit_end(END)
    assert "2/12 " in frames(written)[-1]
    assert " 400 images/s" in frames(written)[-1]


def test_a_resumed_run_begins_where_it_was(clock: list[float]) -> None:
    shown, written = display(terminal=True)
    shown.on_fit_start(FitStart(START.model, START.device, 12, 10, epoch=6, global_step=60))
    shown.on_fit_end(END)
    (frame,) = frames(written)
    assert frame.startswith("7/12 ━")

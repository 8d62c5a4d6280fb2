"""Images per second of the real runner beside those of the other contenders, and what the board takes of a run.

All are measured in one process, by turns: the runner is `convboard.run` itself, but its Trainer has one more callback,
which after each epoch lets the others train too. So whatever slows the machine down for a while slows all of them down.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch

from benchmarking.contenders import Contender, HandLoop, TutorialLoop
from benchmarking.progress import Progress
from benchmarking.workloads import Workload
from convboard.board import Board
from convboard.config.compose import compose_config
from convboard.experiment import run
from convboard.experiment.dataset import build_dataset
from convboard.experiment.setup import build_callbacks
from convboard.training.callbacks import Callback, EpochEnd
from convboard.training.execution_plan.choose_plan import PlanChoice
from convboard.training.execution_plan.plan import Plan

AS_IN_A_TERMINAL = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}  # rich draws the progress bar
BARE, EAGER, TUTORIAL = "bare loop, same plan", "bare loop, eager fp32 NCHW", "tutorials' DataLoader loop"
SHORTER = {EAGER: 4, TUTORIAL: 4}  # the slow ones train on one in so many batches in their turn


@dataclass(frozen=True)
class Speed:
    """What a workload came to.

    Attributes:
        plan: How the runner and the bare loop computed, in words.
        comm: Images per second of the runner, by round.
        others: Likewise of each other contender.
        board_seconds: What the run spent in its board.
        run_seconds: What it took, without the turns of the others: training, evaluation, checkpoints and board.
    """

    plan: str
    comm: list[float]
    others: dict[str, list[float]]
    board_seconds: float
    run_seconds: float

    def ratios(self, contender: str) -> list[float]:
        """How many times as fast as `contender` the runner was, in each round."""
        return [comm / theirs for comm, theirs in zip(self.comm, self.others[contender], strict=True)]


def measure_speed(workload: Workload, data_dir: str, rounds: int, progress: Progress) -> Speed:
    """Let the runner train for `rounds` epochs, and one before them that warms up, and the others in turn with it."""

    def begin(number: int) -> None:
        progress.begin(f"{workload.name}, {f'round {number} of {rounds}' if number else 'a round to warm up'}")

    begin(0)
    steps = workload.batches
    lengths = [f"trainer.max_epochs={rounds + 1}", f"trainer.limit_train_batches={steps}", f"data_dir={data_dir}"]
    config = compose_config([*workload.arguments, *lengths]).config
    dataset = build_dataset(config)
    clock = Stopwatch()
    turns = Turns(steps, begin)

    def build_watched_callbacks(*arguments: Any) -> tuple[Callback, ...]:
        turns.plan = next(argument.plan for argument in arguments if isinstance(argument, PlanChoice))
        plain = Plan(turns.plan.device, threads=threads)
        turns.others = {
            BARE: HandLoop(workload, config, dataset, turns.plan, fused=True),
            EAGER: HandLoop(workload, config, dataset, plain),
            TUTORIAL: TutorialLoop(workload, config, dataset, plain),
        }
        callbacks = build_callbacks(*arguments)
        (board,) = (callback for callback in callbacks if isinstance(callback, Board))
        clock.watch(board)
        return *callbacks, turns

    threads = torch.get_num_threads()
    with (
        TemporaryDirectory() as folder,
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        patch.dict(os.environ, AS_IN_A_TERMINAL),
        patch.object(run, "build_callbacks", build_watched_callbacks),
    ):
        result = run.run(config, Path(folder) / "run")
    others = {name: rates[1:] for name, rates in turns.rates.items()}
    return Speed(turns.plan.describe(), turns.comm[1:], others, clock.seconds, result.seconds - turns.seconds)


class Stopwatch:
    """Adds up what the methods of a callback take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watch(self, callback: Callback) -> None:
        """Time every call from now on."""
        for name in ("on_fit_start", "on_step", "on_epoch_end", "on_fit_end", "state_dict"):
            setattr(callback, name, self._timed(getattr(callback, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return call


class Turns(Callback):
    """A callback, the last one, that lets the other contenders train after each epoch of the runner.

    Attributes:
        plan: The runner's.
        others: The other contenders, by name.
        comm: Images per second of the runner, by epoch.
        rates: Likewise of each other.
        seconds: What the turns of the others took.
    """

    plan: Plan
    others: Mapping[str, Contender]

    def __init__(self, batches: int, begin: Callable[[int], None]) -> None:
        self._batches = batches
        self._begin = begin  # is told the number of each further round
        self.comm: list[float] = []
        self.rates: defaultdict[str, list[float]] = defaultdict(list)
        self.seconds = 0.0

    def on_epoch_end(self, end: EpochEnd) -> None:
        """The runner's speed is what it tells itself: its steps with all that callbacks do in them."""
        began = time.perf_counter()
        self.comm.append(end.images_per_second)
        for name, contender in self.others.items():
            turn_began = time.perf_counter()
            images = contender.train(max(self._batches // SHORTER.get(name, 1), 1))
            if self.plan.device.type == "cuda":
                torch.cuda.synchronize(self.plan.device)
            self.rates[name].append(images / (time.perf_counter() - turn_began))
        self.seconds += time.perf_counter() - began
        if not end.is_last:
            self._begin(end.epoch)

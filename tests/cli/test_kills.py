"""A run that is killed, at any moment and however often, ends as if nothing had been, also in an open TensorBoard."""

import random
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from interrupted import CONFIG, KILLED_TRAIN, STEPS, RunCommand, Scalar, assert_same, reproducible, scalars
from killed_train import PLACES
from tensorboard_server import StartTensorBoard, TensorBoard

ONCE = ["the test", "the end of the run", "after the end of the run"]
BELOW = {"the end of a step", "half of the events written", "a step", "a file not yet in place", *ONCE}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def boards(logdir: Path, start_tensorboard: StartTensorBoard) -> Iterator[list[TensorBoard]]:
    """Both of TensorBoard's readers, open over all runs and all along."""
    with ExitStack() as stack:
        yield [stack.enter_context(start_tensorboard(logdir, load_fast=fast)) for fast in (True, False)]


def served(board: TensorBoard, run: Path) -> list[Scalar]:
    """Each scalar of a run that TensorBoard gives."""
    return [
        (tag, step, value)
        for tag in board.get("data/plugin/scalars/tags").get(run.name, {})
        for _, step, value in board.get("data/plugin/scalars/scalars", run=run.name, tag=tag)
    ]


def let_read(boards: list[TensorBoard], run: Path) -> None:
    """Wait until each has read all that stands in the run's latest event file."""
    latest = max(file.name for file in run.glob("*tfevents*"))
    written = set(scalars(run, latest))
    for board in boards:
        board.wait_until(lambda board: written <= set(served(board, run)))


def assert_shown(boards: list[TensorBoard], run: Path, expected: Path) -> None:
    """Each comes to show of `run` what stands in the file of `expected`, once and no more.

    While a reader goes through a new file, it shows a part.
    """
    let_read(boards, run)
    written = reproducible(scalars(expected))
    for board in boards:
        board.wait_until(lambda board: reproducible(served(board, run)) == written)


def arguments(run: Path) -> list[str]:
    """Of the command that begins `run`, or goes on with it."""
    return [f"resume={run}"] if (run / "config.yaml").exists() else [*CONFIG, f"hydra.run.dir={run}"]


def random_kills() -> Iterator[str]:
    """Every place equally often, at random counts."""
    draw = random.Random(0)
    often = {"a step": STEPS, "the end of a step": STEPS, "an evaluation": 1, "the end of an evaluation": 1}
    often |= dict.fromkeys(["the data's loading", "the board's beginning", *ONCE], 1) | {"any moment": 60}
    while True:
        yield from (f"{place}:{draw.randint(1, often.get(place, 5))}" for place in draw.sample(PLACES, len(PLACES)))


def resume_until_done(
    kills: Iterable[str], whole: Path, boards: list[TensorBoard], run_command: RunCommand, runs: Iterator[Path]
) -> list[str]:
    """Begin a run and go on with it through all of `kills`, then to its end; gives the kills that it ended before."""
    run, survived = next(runs), []
    for kill in kills:
        done = run_command(KILLED_TRAIN, *arguments(run), environment={"KILL_AT": kill}, expected_code=None)
        assert done.returncode in (-signal.SIGKILL, 0), done.stderr
        if done.returncode == 0:
            survived.append(kill)
            assert_same(run, whole)
            assert_shown(boards, run, whole)
            run = next(runs)
        elif any(run.glob("*tfevents*")):
            let_read(boards, run)
    run_command("train.py", *arguments(run))
    assert_same(run, whole)
    assert_shown(boards, run, whole)
    return survived


def test_a_run_killed_at_every_place_ends_as_if_nothing_had_been(
    whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path
) -> None:
    """Those where the tests below kill a run are left out."""
    kills = [f"{place}:1" for place in PLACES if place not in BELOW]
    runs = (logdir / f"everywhere-{number}" for number in count())
    survived = resume_until_done(kills, whole, boards, run_command, runs)
    assert survived in ([], ["any moment:1"])  # whose moment is 20 ms


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 100, 10))
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_been(
    first: int, whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path
) -> None:
    runs = (logdir / f"killed-{first}-{number}" for number in count())
    resume_until_done(islice(random_kills(), first, first + 10), whole, boards, run_command, runs)


@pytest.mark.thorough
def test_five_kills_in_one_epoch(whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path) -> None:
    run = logdir / "five"
    for kill in ["the end of a step:2", "half of the events written:3"] * 2 + ["a step:2"]:
        environment = {"KILL_AT": kill}
        run_command(KILLED_TRAIN, *arguments(run), environment=environment, expected_code=-signal.SIGKILL)
        let_read(boards, run)
    run_command("train.py", f"resume={run}")
    assert_same(run, whole)
    assert_shown(boards, run, whole)


@pytest.mark.thorough
def test_a_kill_after_the_last_checkpoint(
    whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path
) -> None:
    run = logdir / "late"
    for place in ONCE:
        environment = {"KILL_AT": f"{place}:1"}
        run_command(KILLED_TRAIN, *arguments(run), environment=environment, expected_code=-signal.SIGKILL)
    for _ in range(2):  # a finished run that is resumed is ended again
        run_command("train.py", f"resume={run}")
        assert_same(run, whole)
    assert_shown(boards, run, whole)


@pytest.mark.thorough
def test_a_clock_that_goes_back_and_restarts_that_look_the_same(
    whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path
) -> None:
    run = logdir / "clock"
    now = 1_800_000_000
    files: list[str] = []
    kills = [(now, "a step:4"), (now, "a file not yet in place:6"), (now - 1000, "a step:4"), (now - 1000, "a step:4")]
    for clock, kill in kills:  # in the same second, by the same host name and process id
        environment = {"KILL_AT": kill, "CLOCK": str(clock)}
        run_command(KILLED_TRAIN, *arguments(run), environment=environment, expected_code=-signal.SIGKILL)
        let_read(boards, run)
        files.append(max(file.name for file in run.glob("*tfevents*")))
    assert files == sorted(set(files))  # none was written twice, and TensorBoard reads the last one last
    assert len(list(run.glob("*tfevents*"))) == len(files)
    run_command("train.py", f"resume={run}")
    assert event_times(run) == sorted(event_times(run))
    assert not list(run.rglob("*.tmp"))
    assert_same(run, whole)
    assert_shown(boards, run, whole)


def event_times(run: Path) -> list[float]:
    """When each event of a run was written, by its own account, in the order of the files."""
    return [
        Event.FromString(record).wall_time
        for file in sorted(run.glob("*tfevents*"))
        for record in RawEventFileLoader(str(file)).Load()
    ]

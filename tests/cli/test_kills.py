"""A run that is killed, at any moment and however often, ends as if nothing had been, also in an open TensorBoard."""

import random
import runpy
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, count, islice
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from interrupted import CONFIG, KILLED_TRAIN, STEPS, RunCommand, Scalar, assert_same, reproducible, scalars
from tensorboard_server import StartTensorBoard, TensorBoard

PLACES = runpy.run_path(str(KILLED_TRAIN))["PLACES"]
ONCE = ["the test", "the end of the run", "after the end of the run"]


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def boards(logdir: Path, start_tensorboard: StartTensorBoard) -> Iterator[list[TensorBoard]]:
    """Both of TensorBoard's readers, open over all runs and all along."""
    with ExitStack() as stack:
        yield [stack.enter_context(start_tensorboard(logdir, load_fast=fast)) for fast in (True, False)]


@pytest.fixture
def whole(run_command: RunCommand, logdir: Path) -> Path:
    """The run that nothing happens to."""
    run = logdir / "whole"
    if not run.exists():
        run_command("train.py", *CONFIG, f"hydra.run.dir={run}")
    return run


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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where runs are killed, in turn: every place equally often, at random counts; ten kills a test."""
    if "kills" not in metafunc.fixturenames:
        return
    draw = random.Random(0)
    often = {"a step": STEPS, "the end of a step": STEPS, "an evaluation": 1, "the end of an evaluation": 1}
    often |= dict.fromkeys(["the data's loading", "the board's beginning", *ONCE], 1) | {"any moment": 60}
    rounds = (draw.sample(list(PLACES), len(PLACES)) for _ in count())
    places = islice(chain.from_iterable(rounds), metafunc.config.getoption("--kills"))
    kills = [f"{place}:{draw.randint(1, often.get(place, 5))}" for place in places]
    metafunc.parametrize(
        "kills", [kills[at : at + 10] for at in range(0, len(kills), 10)], ids=lambda kills: f"{len(kills)} kills"
    )


def test_a_run_killed_again_and_again_ends_as_if_nothing_had_been(
    kills: list[str], whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path
) -> None:
    runs = (logdir / f"killed-{number}" for number in count() if not (logdir / f"killed-{number}").exists())
    run = next(runs)
    for kill in kills:
        done = run_command(KILLED_TRAIN, *arguments(run), environment={"KILL_AT": kill}, expected_code=None)
        assert done.returncode in (-signal.SIGKILL, 0), done.stderr
        print("killed at" if done.returncode else "ended before", kill)
        if done.returncode == 0:
            assert_same(run, whole)
            assert_shown(boards, run, whole)
            run = next(runs)
        elif any(run.glob("*tfevents*")):
            let_read(boards, run)
    run_command("train.py", *arguments(run))
    assert_same(run, whole)
    assert_shown(boards, run, whole)


def test_five_kills_in_one_epoch(whole: Path, boards: list[TensorBoard], run_command: RunCommand, logdir: Path) -> None:
    run = logdir / "five"
    for kill in ["the end of a step:2", "half of the events written:3"] * 2 + ["a step:2"]:
        environment = {"KILL_AT": kill}
        run_command(KILLED_TRAIN, *arguments(run), environment=environment, expected_code=-signal.SIGKILL)
        let_read(boards, run)
    run_command("train.py", f"resume={run}")
    assert_same(run, whole)
    assert_shown(boards, run, whole)


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

"""A command that the tests fork, or run in their own process, does what `python train.py` does."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
QUICK = ("trainer.max_epochs=2", "trainer.limit_train_batches=3")


def comparable(printed: str) -> str:
    """Without what differs from run to run: names of run directories, times, speeds."""
    return re.sub(r"\d{4}-\d\d-\d\d_[\w-]+|[\d.]+ s | +[\d,]+$", "…", printed, flags=re.MULTILINE)


@pytest.mark.thorough
def test_a_run_prints_and_gives_the_same(run_command: RunCommand, tmp_path: Path) -> None:
    forked, fresh = (run_command("train.py", *QUICK, fresh=fresh) for fresh in (False, True))
    assert comparable(forked.stdout) == comparable(fresh.stdout)
    assert forked.stderr == fresh.stderr == ""
    first, second = (
        json.loads(path.read_text())["metrics"] for path in tmp_path.glob("outputs/digits/lenet/*/result.json")
    )
    assert first == second


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("train.py", ["model=lenett"]),
        ("train.py", ["trainer.max_epochs"]),
        ("train.py", ["model=lenet", "model.in_channels=3"]),
        ("train.py", ["optimizer.lr=1e300", "optimizer.fused=false"]),
        ("train.py", ["hydra.run.dir=there/run"]),
        ("scripts/evaluate.py", ["run=nowhere"]),
        ("scripts/layers.py", ["layer=cnv1"]),
        ("scripts/feature_maps.py", ["image=dog.jpg"]),
    ],
    ids=str,
)
def test_a_mistake_gets_the_same_message_in_a_process_of_its_own_and_in_that_of_the_tests(
    script: str, arguments: list[str], run_command: RunCommand, run_in_process: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "there").touch()
    one, other = (run(script, *arguments, expected_code=2) for run in (run_command, run_in_process))
    assert one.stderr == other.stderr
    assert one.stdout == other.stdout == ""


def test_a_mistake_gets_the_same_message_in_a_new_process(run_command: RunCommand) -> None:
    forked, fresh = (run_command("train.py", "model=lenett", fresh=fresh, expected_code=2) for fresh in (False, True))
    assert forked.stderr == fresh.stderr
    assert forked.stdout == fresh.stdout == ""


def test_a_command_that_takes_too_long_is_ended_with_all_it_has_started(
    start_command: Callable[..., Any], tmp_path: Path
) -> None:
    streamed = ("dataset.data_location=stream", "dataset.num_workers=2")
    command = start_command("train.py", "hydra.run.dir=run", "trainer.max_epochs=10000", *streamed)
    while not (tmp_path / "run/checkpoints/best.safetensors").exists():
        time.sleep(0.05)
    with pytest.raises(subprocess.TimeoutExpired):
        command.finish(timeout=0.1)
    for _ in range(100):
        if not alive_in_group(command.pid):
            return
        time.sleep(0.05)
    pytest.fail(f"{alive_in_group(command.pid)} still run")


def alive_in_group(group: int) -> list[str]:
    """The processes of a group, without those that are dead and not waited for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                found.append(path.parent.name)
    return found


def test_nothing_of_a_command_is_left_in_the_next(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(
        "import os, sys; print(sys.argv[1:], os.environ.get('MINE'), sys.path[0]); 1 / 0"
    )
    for mine in ("one", "two"):
        done = run_command("train.py", "model._target_=mynet.X", environment={"MINE": mine}, expected_code=2)
        assert done.stdout.splitlines()[0] == f"['model._target_=mynet.X'] {mine} {ROOT}"
    done = run_command("train.py", "model._target_=mynet.X", "seed=1", expected_code=2)
    assert done.stdout.splitlines()[0] == f"['model._target_=mynet.X', 'seed=1'] None {ROOT}"

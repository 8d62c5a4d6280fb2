"""A command that the tests fork from a process with torch in it does what `python train.py` does."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
QUICK = ("trainer.max_epochs=2", "trainer.limit_train_batches=3")


def comparable(printed: str) -> str:
    """Without what differs from run to run: names of run directories, times, speeds."""
    return re.sub(r"\d{4}-\d\d-\d\d_[\w-]+|[\d.]+ s | +[\d,]+$", "…", printed, flags=re.MULTILINE)


def test_a_run_prints_and_gives_the_same(run_command: RunCommand, tmp_path: Path) -> None:
    forked, fresh = (run_command("train.py", *QUICK, fresh=fresh) for fresh in (False, True))
    assert comparable(forked.stdout) == comparable(fresh.stdout)
    assert forked.stderr == fresh.stderr == ""
    first, second = (
        json.loads(path.read_text())["metrics"] for path in tmp_path.glob("outputs/digits/lenet/*/result.json")
    )
    assert first == second


def test_a_mistake_gets_the_same_message(run_command: RunCommand) -> None:
    forked, fresh = (run_command("train.py", "model=lenett", fresh=fresh, expected_code=2) for fresh in (False, True))
    assert forked.stderr == fresh.stderr
    assert forked.stdout == fresh.stdout == ""

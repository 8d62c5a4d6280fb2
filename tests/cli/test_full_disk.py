"""A disk that fills: one message, nothing spoilt, and with room again the run ends as if nothing had been."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from commands import Command
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.training.checkpoint import load_latest
from interrupted import CONFIG, RunCommand, assert_same, scalars

StartCommand = Callable[..., Command]
DISK = "mount -t tmpfs -o size=16m none {folder} && echo mounted && exec sleep 1000"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB.

    A tmpfs in a user namespace of its own, where anybody may mount (root may do so without one, where they are
    forbidden); it is reached through the process that holds it.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *as_root, "--mount", "sh", "-c", DISK.format(folder=folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mounted\n"
        yield Path(f"/proc/{holder.pid}/root{folder}")
        holder.kill()


def fill(disk: Path, room: int) -> Path:
    """Leave `room` bytes."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - room))
    return filler


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kilobytes", "file"),
    [
        (0, "dataset.json"),
        (16, "config.yaml"),
        (60, "tfevents"),  # its first records
        (200, "last.safetensors"),
        (290, "tfevents"),  # an epoch's end
        (560, "best.safetensors"),
    ],
)
def test_a_full_disk(kilobytes: int, file: str, disk: Path, whole: Path, run_command: RunCommand) -> None:
    run = disk / "run"
    filler = fill(disk, kilobytes * 1000)
    begin = [*CONFIG, f"hydra.run.dir={run}"]
    done = run_command("train.py", *begin, expected_code=2)
    assert done.stderr.startswith("convboard: ")
    assert done.stderr.count("\n") == 1
    assert str(run) in done.stderr
    assert file in done.stderr
    assert "No space left on device" in done.stderr
    assert not list(disk.rglob("*.tmp"))
    if any(run.glob("checkpoints/*.safetensors")):
        load_latest(run / "checkpoints")
    scalars(run)  # raises where a record is not whole
    filler.unlink()
    run_command("train.py", *([f"resume={run}"] if (run / "config.yaml").exists() else begin))
    assert_same(run, whole)


@pytest.mark.thorough
@pytest.mark.parametrize("kilobytes", [0, 40, 200, 400])
def test_a_disk_that_fills_in_the_middle_of_a_sweep(
    kilobytes: int, disk: Path, start_command: StartCommand, run_command: RunCommand
) -> None:
    """Whichever cannot be written, journal or run: the command ends with a message, and goes on when there is room."""
    sweep = disk / "sweep"
    swept = ("seed=1,2,3", "sweep.workers=1", "trainer.plan=none", "board=minimal", f"hydra.sweep.dir={sweep}")
    started = start_command("train.py", "-m", *CONFIG, *swept)
    while not list(sweep.glob("*/checkpoints/last.safetensors")):
        time.sleep(0.02)
    with suppress(OSError):  # the sweep was faster, and the disk is full
        fill(disk, kilobytes * 1000)
    done = started.finish()
    assert done.returncode in (1, 2)  # trials have failed, or the journal could not be written
    assert "No space left on device" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("convboard: ")
    (disk / "filler").unlink()
    run_command("train.py", "-m", f"sweep.resume={sweep}")
    journal = Sweep.open(sweep).journal
    assert [journal.state(number) for number in range(3)] == [State.FINISHED] * 3

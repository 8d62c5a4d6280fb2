"""What the tests of the commands share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import MakeOnce
from interrupted import CONFIG, RunCommand

Refused = Callable[..., str]
QUICK = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal")


@pytest.fixture
def whole(run_command: RunCommand, make_once: MakeOnce) -> Path:
    """The run of `interrupted.CONFIG` that nothing happens to; to be read only."""
    return make_once("whole", lambda run: run_command("train.py", *CONFIG, f"hydra.run.dir={run}"))


@pytest.fixture
def refused(run_in_process: RunCommand, tmp_path: Path) -> Refused:
    """Run a command that must refuse its arguments; gives its message. Nothing may be made or changed by it."""

    def run(*arguments: object, script: str = "train.py", environment: dict[str, str] | None = None) -> str:
        before = listing(tmp_path)
        done = run_in_process(script, *arguments, environment=environment, expected_code=2)
        assert "accuracy" not in done.stdout  # nothing was trained or evaluated
        assert done.stderr.startswith("convboard: ")
        assert done.stderr.endswith("\n")
        assert listing(tmp_path) == before
        return done.stderr.removeprefix("convboard: ").removesuffix("\n")

    return run


def listing(folder: Path) -> dict[Path, bytes]:
    """Every folder, and every file with its content."""
    paths = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return {path: path.read_bytes() if path.is_file() and not path.is_symlink() else b"" for path in paths}


@pytest.fixture
def finished(run_command: RunCommand, make_once: MakeOnce, tmp_path: Path) -> Path:
    """The directory of a finished run, called `finished`."""
    run = make_once("finished", lambda run: run_command("train.py", f"hydra.run.dir={run}", *QUICK))
    return shutil.copytree(run, tmp_path / "finished")

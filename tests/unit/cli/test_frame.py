"""How a command ends: exit codes and what it prints."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convboard.cli import frame
from convboard.errors import ConfigError

MAIN = "from convboard.cli.main import main; main('layers')"


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "start", "end"),
    [
        (ConfigError("batch_size=0: must be at least 1."), 2, "convboard: batch_size=0: must be", "at least 1.\n"),
        (ZeroDivisionError("division by zero"), 1, "Traceback (most", "ZeroDivisionError: division by zero\n"),
        (KeyboardInterrupt(), 130, "convboard: interrupted.", "\n"),
        (KeyboardInterrupt(signal.SIGTERM), 143, "convboard: interrupted.", "\n"),
    ],
)
def test_how_a_command_ends(
    error: BaseException, code: int, start: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run_command(lambda: fail(error)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(start)
    assert printed.err.endswith(end)


def test_the_traceback_of_a_mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert frame.run_command(lambda: fail(ConfigError("no"))) == 2
    assert capsys.readouterr().err.startswith("Traceback (most recent call last)")
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


def test_a_command_that_finishes_leaves_the_process_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    handler = signal.getsignal(signal.SIGINT)
    assert frame.run_command(lambda: None) == 0
    assert signal.getsignal(signal.SIGINT) == handler
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_a_library_that_exits_is_not_held(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        frame.run_command(lambda: fail(SystemExit(3)))
    assert caught.value.code == 3


@pytest.mark.parametrize(
    ("shell", "message"),
    [
        ('"$0" -m convboard', "no command is given."),
        ('"$0" -m convboard evaluat', "'evaluat' is not a command. Did you mean 'evaluate'?"),
        ('"$0" -m convboard seed=1', "'seed=1' is no command but a key: write convboard train seed=1."),
        (f'mkdir gone && cd gone && rmdir ../gone && "$0" -c "{MAIN}"', "the current folder was deleted."),
    ],
)
def test_a_command_that_cannot_begin(shell: str, message: str, tmp_path: Path) -> None:
    done = subprocess.run(["bash", "-c", shell, sys.executable], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"convboard: {message}")

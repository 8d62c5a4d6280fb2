"""`runs show`: all that is known of a run."""

from pathlib import Path

import pytest

from convboard.cli.runs import show
from convboard.errors import ConfigError, RunError
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, grid, write_sweep


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep over two seeds; the second one has failed."""
    monkeypatch.chdir(tmp_path)
    outcomes = [Outcome(value=0.9), Outcome(State.FAILED, reason="out of\n\x1b[2Jmemory", epochs=2)]
    return write_sweep(tmp_path / "sweep", grid({"seed": [1, 2]}), outcomes).folder


def shown(path: str, capsys: pytest.CaptureFixture[str], where: str | None = None) -> dict[str, str]:
    """What is shown beside each label, and under `config`."""
    show.main([path], show.Arguments(where))
    lines = [line.strip().split(None, 1) for line in capsys.readouterr().out.splitlines() if line]
    return {line[0].removesuffix(":"): line[1] if len(line) > 1 else "" for line in lines}


def test_a_run_that_has_finished(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = shown("sweep#0", capsys)
    assert told["sweep/seed=1"] == "(#0)"
    assert told["state"] == "finished"
    assert told["result"].startswith("accuracy/val 90.00%, accuracy/test 89.00%, loss/val 0.1000")
    assert told["epochs"] == "10 of 10"
    assert told["repeat"].endswith("train.py seed=1")
    assert (told["optimizer.lr"], told["model"], told["torch"]) == ("0.1", "lenet", "2.11")
    assert "go" not in told


def test_a_run_that_has_failed(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sweep / "seed=2/log.txt").write_text("")
    told = shown("sweep", capsys, where="state=failed")
    assert told["state"] == "failed: out of\\n\\x1b[2Jmemory"
    assert told["go"].endswith("train.py -m sweep.resume=sweep sweep.retry=1")
    assert told["log"] == "sweep/seed=2/log.txt"


def test_many_runs_or_none(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match=r"No run in sweep fulfils seed=3. Its 2 runs have"):
        shown("sweep", capsys, where="seed=3")
    write_sweep(sweep.parent / "large", grid({"seed": range(11)}), [Outcome(State.WAITING)] * 11)
    with pytest.raises(ConfigError, match=r"These are 11 runs, and show is for a few.*runs.py list shows many"):
        shown("large", capsys)

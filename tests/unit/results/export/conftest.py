"""Runs to be exported, and a machine without a network."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import export_runs, open_tracker
from convboard.results.table import RunTable, load_runs
from convboard.sweeps.store.entries import State
from exported_runs import ODD, draw_picture, need
from synthetic_sweep import Outcome, grid, write_sweep

OUTCOMES = (Outcome(value=0.9, epochs=3), Outcome(State.FAILED, reason=ODD, epochs=2))


@pytest.fixture
def table(tmp_path: Path) -> RunTable:
    """A run that has finished and has a picture and a loss that is not finite, and one that has failed."""
    sweep = write_sweep(tmp_path / ODD, grid({"seed": [1, 2]}), OUTCOMES)
    run_dir = sweep.folder / "seed=1"
    lines = (run_dir / "curves.csv").read_text().splitlines()
    lines[3] = "3,60,1700000000.5,1000,0.1,nan,0.8,0.25,0.85"
    (run_dir / "curves.csv").write_text("\n".join([*lines, "4,80,17"]))  # a line that is being written
    draw_picture(run_dir, "kernels/conv1", 20, 60)
    return load_runs(sweep.folder)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let nothing leave the machine, and leave the environment as it was.

    A process that is started gets a proxy that is seen to be asked nothing.
    """
    asked: list[Any] = []
    connect = socket.socket.connect

    def refuse(*address: Any) -> None:
        if isinstance(address[-1], str):  # a file, by which processes of this machine talk to each other
            connect(*address)
        else:
            asked.append(address)
            raise OSError(address)

    proxy = socket.create_server(("127.0.0.1", 0))
    proxy.setblocking(False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "TRACKIO_DIR", "HF_HUB_OFFLINE", "SWANLAB_LOG_DIR"):
        monkeypatch.setenv(name, "")
    for name in ("WANDB_MODE", "WANDB_ERROR_REPORTING", "WANDB_SILENT"):
        monkeypatch.setenv(name, "false")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
    for name in ("HOME", "XDG_CACHE_HOME"):  # where settings of the user's could be
        monkeypatch.setenv(name, str(tmp_path))
    yield
    with suppress(BlockingIOError):
        asked.append(proxy.accept())
    proxy.close()
    assert asked == []


Export = Callable[..., list[TrackedRun]]


@pytest.fixture
def export(no_network: None, tmp_path: Path) -> Export:
    """Export runs twice, and then a picture that was drawn later: `export("wandb", table)` gives them."""

    def export(name: str, table: RunTable, project: str = "project") -> list[TrackedRun]:
        need(name)
        runs = [TrackedRun(row, table.differing, "last") for row in table]
        folder = tmp_path / name
        assert export_runs(open_tracker(name, folder, project), runs) == (2, 0)
        assert export_runs(open_tracker(name, folder, project), runs) == (0, 0)
        draw_picture(runs[0].row.path, "kernels/é:x", 40)
        assert export_runs(open_tracker(name, folder, project), runs) == (0, 1)
        assert export_runs(open_tracker(name, folder, project), runs) == (0, 0)
        runs = [TrackedRun(row, table.differing, "all") for row in table]
        assert export_runs(open_tracker(name, folder, project), runs) == (0, 1)
        runs = [TrackedRun(row, table.differing, "none") for row in table]
        assert export_runs(open_tracker(name, folder, project), runs) == (0, 0)
        return runs

    return export

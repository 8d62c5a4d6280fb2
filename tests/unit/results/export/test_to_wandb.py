"""Offline runs of Weights & Biases, read back from its transaction log, which has the format of LevelDB's."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from convboard.errors import ConfigError
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import open_tracker
from convboard.results.table import RunTable
from exported_runs import ODD, is_picture, need

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.thorough]  # warnings of Weights & Biases
_BLOCK, _HEADER = 32768, 7
_WHOLE, _LAST = 1, 4


def records(log: Path) -> Iterator[Any]:
    from wandb.proto import wandb_internal_pb2

    content, at, record = log.read_bytes(), _HEADER, b""
    while at < len(content):
        if (rest := _BLOCK - at % _BLOCK) < _HEADER:
            at += rest
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        record += content[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (_WHOLE, _LAST):
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


def values(items: Any) -> dict[str, Any]:
    return {" ".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


@pytest.fixture
def stop_wandb() -> Iterator[None]:
    """End the process that writes the runs."""
    yield
    import wandb

    wandb.teardown()


@pytest.mark.usefixtures("stop_wandb")
def test_wandb(
    table: RunTable, export: Callable[..., list[TrackedRun]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, failed = export("wandb", table, "a project")
    assert capfd.readouterr() == ("", "")
    folder = tmp_path / "wandb/a project/wandb"
    (log,), (other,) = (folder.glob(f"offline-run-*-{each.id}/*.wandb") for each in (run, failed))
    found = [*records(log)]
    (start,) = (record.run for record in found if record.WhichOneof("record_type") == "run")
    assert (start.run_id, start.project, start.display_name, [*start.tags]) == (
        *(run.id, "a project", "#0 seed=1"),
        ["finished"],
    )
    config = values(start.config.update)
    assert run.config.items() <= config.items()
    assert config["convboard.state"] == "finished"
    rows = [values(record.history.item) for record in found if record.WhichOneof("record_type") == "history"]
    assert [(row["_step"], row["accuracy/val"]) for row in rows] == [(20, 0.8), (40, 0.8), (60, 0.85)]
    assert [row["_timestamp"] for row in rows] == [1, 2, 1700000000.5]
    assert [row.get("loss/train") for row in rows] == [0.5, 0.5, None]
    assert [row.get("kernels/é:x path") is not None for row in rows] == [False, True, False]
    for row in (rows[0], rows[2]):
        with Image.open(log.parent / "files" / row["kernels/conv1 path"]) as picture:
            assert is_picture(picture, row["_step"])
    summary: dict[str, Any] = {}
    for record in found:
        summary |= values(record.summary.update)
    assert summary["best/accuracy/test"] == pytest.approx(0.89)
    assert [record.exit.exit_code for record in found if record.WhichOneof("record_type") == "exit"] == [0]
    found = [*records(other)]
    (start,) = (record.run for record in found if record.WhichOneof("record_type") == "run")
    assert start.notes == values(start.config.update)["convboard.reason"] == ODD
    assert [record.exit.exit_code for record in found if record.WhichOneof("record_type") == "exit"] == [1]


@pytest.mark.usefixtures("no_network")
def test_a_project_that_wandb_does_not_allow(tmp_path: Path) -> None:
    need("wandb")
    with pytest.raises(ConfigError, match="project=a/b is no name for Weights & Biases: choose another with project="):
        open_tracker("wandb", tmp_path / "out", "a/b")
    assert not (tmp_path / "out").exists()

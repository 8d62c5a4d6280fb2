"""The row of a run that could not say by itself that it has failed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.plugins.hparams import metadata

from convboard.board.failed_run import record_failure

CONFIG = {"seed": 3}


def ends(events: Any) -> list[int]:
    """The status in each record of an end: 1 for success, 2 for failure."""
    tag = metadata.SESSION_END_INFO_TAG
    if tag not in events.tags("tensors"):
        return []
    content = events.reader.SummaryMetadata(tag).plugin_data.content
    return [metadata.parse_session_end_info_plugin_data(content).status] * len(events.steps(tag))


def event_file(run_dir: Path) -> Path:
    (path,) = (path for path in run_dir.glob("*tfevents*") if path.stat().st_size)
    return path


@pytest.mark.parametrize("torn", [0, 1, 7, 40])
def test_a_run_that_was_killed_has_failed(
    make_board: Any, make_loop: Any, read_events: Callable[[], Any], tmp_path: Path, torn: int
) -> None:
    make_loop().run(board := make_board(level="minimal"), until=6)
    board.state_dict()
    board._events.close()
    before = read_events().scalars()
    path = event_file(tmp_path / "run")
    path.write_bytes(path.read_bytes() + path.read_bytes()[:torn])  # half of a record
    record_failure(tmp_path / "run", CONFIG, "its process was killed by SIGKILL")
    events = read_events()
    assert ends(events) == [2]
    assert events.scalars() == before
    assert events.text("problems/training") == "its process was killed by SIGKILL"
    record_failure(tmp_path / "run", CONFIG, "again")
    assert ends(read_events()) == [2]


def test_a_run_that_could_not_begin_has_a_row(read_events: Callable[[], Any], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record_failure(tmp_path / "run", CONFIG, "there is no such folder")
    events = read_events()
    assert ends(events) == [2]
    content = events.reader.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    assert metadata.parse_session_start_info_plugin_data(content).hparams["seed"].number_value == 3


def test_a_run_that_has_an_end_keeps_it(
    make_board: Any, make_loop: Any, read_events: Callable[[], Any], tmp_path: Path
) -> None:
    make_loop().run(make_board(level="minimal"))
    record_failure(tmp_path / "run", CONFIG, "no")
    assert ends(read_events()) == [1]


def test_a_run_that_is_resumed_forgets_that_it_has_failed(
    make_board: Any, make_loop: Any, read_events: Callable[[], Any], tmp_path: Path
) -> None:
    loop = make_loop()
    loop.run(board := make_board(level="minimal"), until=6)
    state = json.loads(json.dumps(board.state_dict()))
    board._events.close()
    record_failure(tmp_path / "run", CONFIG, "its process was killed")
    resumed = make_board(level="minimal")
    resumed.load_state_dict(state)
    loop.run(resumed)
    assert ends(read_events()) == [1]
    assert "problems/training" not in read_events().tags("tensors")

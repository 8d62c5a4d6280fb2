import hashlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import SessionLog

from convboard.board.event_copy import DamagedEventsError
from convboard.board.event_file import EventFile
from convboard.board.summaries import scalar
from convboard.errors import RunError
from permissions import permissions


def read(path: Path) -> list[Any]:
    """The events after the two with which every file begins."""
    events: list[Any]
    version, session, *events = EventFileLoader(str(path)).Load()
    assert version.file_version == "brain.Event:2"
    assert (session.session_log.status, session.step) == (SessionLog.START, 0)
    return events


Create = Callable[[Path], EventFile]


@pytest.fixture
def create(tmp_path: Path) -> Iterator[Create]:
    """Begins an event file, closed when the test is over and before its `tmp_path` is removed."""
    with ExitStack() as stack:

        def create(folder: Path) -> EventFile:
            events = EventFile.create(folder)
            stack.callback(events.close)
            return events

        yield create


def write_point(events: EventFile, step: int) -> None:
    events.write([scalar("loss/train", step / 10)], step)


def test_events_come_back_in_order(create: Create, tmp_path: Path) -> None:
    events = create(tmp_path)
    for step in range(3):
        write_point(events, step)
    events.close()
    assert [point.step for point in read(events.path)] == [0, 1, 2]


def test_several_values_go_in_one_event(create: Create, tmp_path: Path) -> None:
    events = create(tmp_path)
    events.write([scalar("a", 1.0), scalar("b", 2.0)], 5)
    events.write([], 6)
    events.close()
    assert [len(event.summary.value) for event in read(events.path)] == [2]


def test_points_wait_in_memory_until_a_flush(create: Create, tmp_path: Path) -> None:
    events = create(tmp_path)
    write_point(events, 1)
    assert events.path.stat().st_size == 0
    events.flush()
    assert len(read(events.path)) == 1


def test_points_are_flushed_after_two_seconds(create: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = create(tmp_path)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2.1)
    write_point(events, 1)
    assert len(read(events.path)) == 1


def test_the_state_tells_length_and_hash_of_what_is_on_the_disk(create: Create, tmp_path: Path) -> None:
    events = create(tmp_path)
    for step in range(3):
        write_point(events, step)
        state = events.state()
        content = events.path.read_bytes()
        assert state["name"] == events.path.name
        assert state["length"] == len(content)
        assert state["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_resumed_file_goes_on_where_the_state_was(create: Create, tmp_path: Path) -> None:
    killed = create(tmp_path)
    write_point(killed, 1)
    state = killed.state()
    write_point(killed, 2)
    killed.flush()
    with killed.path.open("ab") as file:
        file.write(b"half a rec")

    resumed = EventFile.resume(tmp_path, state)
    write_point(resumed, 2)
    write_point(resumed, 3)
    final = resumed.state()
    resumed.close()
    assert [event.step for event in read(resumed.path)] == [1, 2, 3]
    assert final["sha256"] == hashlib.sha256(resumed.path.read_bytes()).hexdigest()


def test_a_resumed_run_has_a_new_file_and_the_old_ones_are_empty(create: Create, tmp_path: Path) -> None:
    first = create(tmp_path)
    state = first.state()
    names = [first.path.name]
    for step in (1, 2):  # killed again before the next checkpoint: the state tells of the first name
        resumed = EventFile.resume(tmp_path, state)
        write_point(resumed, step)
        resumed.close()
        names.append(resumed.path.name)
    assert names == sorted(set(names))
    assert [event.step for event in read(resumed.path)] == [2]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [path.stat().st_size for path in sorted(tmp_path.iterdir())][:2] == [0, 0]


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes()[:-3]),
            "is 3 bytes shorter than when",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"), "has changed since the checkpoint was saved"),
        (lambda path: path.unlink(), "is missing"),
        (replace_by_pipe, "is not a regular file"),
    ],
)
def test_damage_is_told_and_left_as_it_is(create: Create, tmp_path: Path, damage: Any, message: str) -> None:
    events = create(tmp_path)
    write_point(events, 1)
    state = events.state()
    events.close()
    damage(events.path)
    left = sorted(tmp_path.iterdir())
    with pytest.raises(DamagedEventsError, match=f"{events.path} {message}"):
        EventFile.resume(tmp_path, state)
    assert sorted(tmp_path.iterdir()) == left


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o222])
def test_events_without_permissions_are_told_and_left_as_they_are(mode: int, create: Create, tmp_path: Path) -> None:
    events = create(tmp_path)
    write_point(events, 1)
    state = events.state()
    events.close()
    left = {path: path.read_bytes() for path in tmp_path.iterdir()}
    told = f"events in {events.path}: Permission denied. Nothing in them was changed: give yourself the right to read"
    with permissions(events.path, mode), pytest.raises(RunError, match=told):
        EventFile.resume(tmp_path, state)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == left
    EventFile.resume(tmp_path, state).close()


@pytest.mark.parametrize("place", ["a link", "outside"])
def test_nothing_but_the_run_s_own_files_is_emptied(place: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    other = tmp_path / "events.out.tfevents.1.other"
    other.write_text("somebody's")
    name = f"../{other.name}"
    if place == "a link":
        name = "events.out.tfevents.1.own"
        (run / name).symlink_to(other)
    state = {"name": name, "length": 0, "sha256": hashlib.sha256().hexdigest(), "wall_time": 0.0}
    with pytest.raises(DamagedEventsError):
        EventFile.resume(run, state)
    assert other.read_text() == "somebody's"


@pytest.mark.parametrize(
    "remove",
    [
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("elsewhere")),
        lambda path: (path.with_name("copy").write_bytes(path.read_bytes()), path.with_name("copy").replace(path)),
    ],
    ids=["deleted", "moved", "replaced"],
)
def test_a_file_that_is_deleted_during_the_run_is_written_again(
    create: Create, tmp_path: Path, remove: Any, caplog: pytest.LogCaptureFixture
) -> None:
    events = create(tmp_path)
    write_point(events, 1)
    events.flush()
    remove(events.path)
    write_point(events, 2)
    state = events.state()
    assert [event.step for event in read(events.path)] == [1, 2]
    assert state["sha256"] == hashlib.sha256(events.path.read_bytes()).hexdigest()
    write_point(events, 3)
    events.close()
    assert [event.step for event in read(events.path)] == [1, 2, 3]
    assert caplog.messages == [
        f"TensorBoard event file deleted or moved during the run: {events.path}. It is written again."
    ]


def test_no_name_comes_twice_though_host_process_and_second_are_the_same(
    create: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(socket, "gethostname", lambda: "container/1")
    names = {create(tmp_path / str(place)).path.name for place in range(20)}
    assert len(names) == 20
    assert all(name.startswith("events.out.tfevents.1700000000.container-1.1.") for name in names)


def test_a_clock_that_went_back_leaves_the_files_in_order(
    create: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create(tmp_path).path
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    second = create(tmp_path).path
    third = create(tmp_path).path
    assert sorted(tmp_path.iterdir()) == [first, second, third]


def test_times_never_go_back(create: Create, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = create(tmp_path)
    state = events.state()
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    write_point(events, 1)
    events.close()
    resumed = EventFile.resume(tmp_path, state)
    write_point(resumed, 1)
    resumed.close()
    times = [event.wall_time for event in EventFileLoader(str(resumed.path)).Load()]
    assert times == sorted(times)


def test_a_folder_that_cannot_be_written_is_one_message(create: Create, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"Cannot write TensorBoard events to .*file"):
        EventFile.create(tmp_path / "file")


@pytest.fixture
def limit_file_size() -> Iterator[Callable[[int], None]]:
    """Let no file of this process grow beyond a size in bytes: a write fills it up to there, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_message_and_leaves_whole_records(
    create: Create, tmp_path: Path, limit_file_size: Callable[[int], None]
) -> None:
    events = create(tmp_path)
    write_point(events, 1)
    events.flush()
    write_point(events, 2)
    limit_file_size(events.path.stat().st_size + 10)
    with pytest.raises(RunError, match=r"Cannot write TensorBoard events to .*: File too large\."):
        events.flush()
    limit_file_size(resource.RLIM_INFINITY)
    assert [event.step for event in read(events.path)] == [1]
    events.close()
    assert [event.step for event in read(events.path)] == [1, 2]

"""A lock is held by one process, and never by a dead one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convboard.files.locks import locked
from python_code import first_line, start

LIMIT_SECONDS = 60


class BusyError(Exception):
    """What the tests ask `locked` to raise."""


def busy(pid: int | None) -> BusyError:
    return BusyError(pid)


HOLD = """
import sys
from pathlib import Path
from convboard.files.locks import locked
with locked(Path(sys.argv[1]), wait=True, busy=lambda pid: RuntimeError(pid)):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(lock: Path) -> Iterator["subprocess.Popen[str]"]:
    with start(HOLD, lock) as process:
        try:
            assert first_line(process) == "locked"
            yield process
        finally:
            process.kill()


def test_a_lock_is_given_back_and_leaves_no_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    for _ in range(2):
        with locked(lock, wait=False, busy=busy):
            assert lock.exists()
        assert not lock.exists()
    with pytest.raises(ZeroDivisionError), locked(lock, wait=False, busy=busy):
        raise ZeroDivisionError
    assert not lock.exists()


def test_a_second_process_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held_by_another_process(lock) as process:
        with pytest.raises(BusyError) as raised, locked(lock, wait=False, busy=busy):
            pass
        assert raised.value.args == (process.pid,)
        assert lock.exists()


def test_the_same_process_cannot_take_a_lock_twice(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        locked(lock, wait=False, busy=busy),
        pytest.raises(BusyError, match=str(os.getpid())),
        locked(lock, wait=False, busy=busy),
    ):
        pass


def test_a_second_process_waits(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock, wait=False, busy=busy), start(HOLD, lock) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        lock_seen_by_the_other = lock.read_text()
        assert lock_seen_by_the_other.split()[0] == str(os.getpid())
        process.kill()


def test_the_waiting_process_gets_the_lock_when_it_is_given_back(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with start(HOLD, lock) as process:
        try:
            assert first_line(process) == "locked"
            with start(HOLD, lock) as waiting:
                try:
                    process.communicate("done\n", LIMIT_SECONDS)
                    assert first_line(waiting) == "locked"
                    with (
                        pytest.raises(BusyError, match=str(waiting.pid)),
                        locked(lock, wait=False, busy=busy),
                    ):
                        pass
                finally:
                    waiting.kill()
        finally:
            process.kill()


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held_by_another_process(lock) as process:
        process.kill()
        process.wait(LIMIT_SECONDS)
        assert lock.exists()
        with locked(lock, wait=False, busy=busy):
            assert lock.read_text().split()[0] == str(os.getpid())
    assert not lock.exists()


@pytest.mark.parametrize("content", ["", "half", "12 another-machine\n", "one two three\n"])
def test_a_holder_that_cannot_be_named_is_none(tmp_path: Path, content: str) -> None:
    lock = tmp_path / "lock"
    with locked(lock, wait=False, busy=busy):
        lock.write_text(content)
        with pytest.raises(BusyError, match="None"), locked(lock, wait=False, busy=busy):
            pass


def test_many_processes_never_hold_the_lock_together(tmp_path: Path) -> None:
    """Each adds 1 to a number 50 times, in two steps that another process must not come between."""
    code = """
import sys
from pathlib import Path
from convboard.files.locks import locked
folder = Path(sys.argv[1])
for _ in range(50):
    with locked(folder / "lock", wait=True, busy=lambda pid: RuntimeError(pid)):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""
    (tmp_path / "number").write_text("0")
    processes = [start(code, tmp_path) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0
    assert (tmp_path / "number").read_text() == "200"
    assert not (tmp_path / "lock").exists()


def test_a_lock_overwrites_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("something")
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic link"), locked(link, wait=False, busy=lambda _: AssertionError()):
        pass
    assert file.read_text() == "something"

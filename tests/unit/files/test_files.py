"""Files are whole or not there, whatever happens to the process that writes them."""

import errno
import hashlib
import os
import signal
from pathlib import Path

import pytest

from convboard.files import (
    atomic_write,
    atomic_write_all,
    atomic_write_bytes,
    atomic_write_text,
    atomic_write_texts,
    create_once,
    empty,
    remove_leftovers,
    sha256,
)
from python_code import first_line, start

LIMIT_SECONDS = 60


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    atomic_write_text(path, "naïve\r\n")
    assert path.read_bytes() == "naïve\r\n".encode()
    atomic_write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    atomic_write_bytes(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")

    def write(temporary: Path) -> None:
        temporary.write_text("new")
        assert temporary.parent == path.parent
        assert path.read_text() == "old"

    atomic_write(path, write)
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")

    def fail_halfway(temporary: Path) -> None:
        temporary.write_text("ne")
        raise error

    with pytest.raises(type(error)):
        atomic_write(path, fail_halfway)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_files_none_is_replaced_if_one_cannot_be_written(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    atomic_write_texts({first: "1", second: "2"})
    assert (first.read_text(), second.read_text()) == ("1", "2")

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as raised:
        atomic_write_all({first: Path.touch, second: fail})
    assert raised.value.filename == str(second)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"first": "1", "second": "2"}


def test_a_disk_that_takes_no_more_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.bin"
    path.write_bytes(b"old")
    code = """
import resource, sys
from pathlib import Path
from convboard.files import atomic_write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    atomic_write_bytes(Path(sys.argv[1]), bytes(1 << 20))
except OSError as error:
    print(error.strerror)
"""
    with start(code, path) as process:
        assert first_line(process) == os.strerror(errno.EFBIG)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["while writing", "before the rename", "before the folder is synced"])
def test_a_kill_leaves_a_whole_file_and_the_next_write_cleans_up(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "state.[bin]"  # a name that a careless glob would misread
    path.write_bytes(b"old")
    code = """
import os, signal, sys
from pathlib import Path
from convboard.files import atomic_write
path, moment = Path(sys.argv[1]), sys.argv[2]
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
def write(temporary):
    with temporary.open("wb") as file:
        file.write(b"n")
        file.flush()
        if moment == "while writing":
            die()
        file.write(b"ew")
    if moment == "before the rename":
        os.fsync = die
    else:
        fsync = os.fsync
        os.fsync = lambda descriptor: (fsync(descriptor), setattr(os, "fsync", die))
atomic_write(path, write)
"""
    with start(code, path, moment) as process:
        assert process.wait(LIMIT_SECONDS) == -signal.SIGKILL
    assert path.read_bytes() == (b"new" if moment == "before the folder is synced" else b"old")

    atomic_write_bytes(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_leaves_the_temporary_file_of_a_live_writer_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    def write(temporary: Path) -> None:
        temporary.write_text("outer")
        atomic_write_text(path, "inner")
        assert temporary.exists()

    atomic_write(path, write)
    assert path.read_text() == "outer"


def leftover(folder: Path, machine: str, pid: int) -> Path:
    path = folder / f".entry.{machine}.{pid}.0123abcd.tmp"
    path.touch()
    return path


def test_what_killed_writers_have_left_is_removed_and_nothing_of_those_that_may_live(tmp_path: Path) -> None:
    """The process ids of a machine with the same host name tell nothing here."""
    with start("import os; from convboard.files import _temporary, Path; print(_temporary(Path('entry')))") as gone:
        name = first_line(gone).removeprefix(".entry.")
    machine, pid, *_ = name.split(".")
    own, living, elsewhere, long_ago = (
        leftover(tmp_path, machine, int(pid)),
        leftover(tmp_path, machine, os.getpid()),
        leftover(tmp_path, "deadbeef", int(pid)),
        leftover(tmp_path, "cafebabe", int(pid)),
    )
    os.utime(long_ago, (0, tmp_path.stat().st_mtime - 100_000))
    (tmp_path / ".mine.tmp").touch()
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {living, elsewhere, tmp_path / ".mine.tmp"}
    assert own != living


def test_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "data").write_bytes(content)
    assert sha256(tmp_path / "data") == hashlib.sha256(content).hexdigest()


def test_an_error_names_the_file_also_where_the_system_does_not(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left on device") as caught:
        atomic_write(tmp_path / "result.json", write)
    assert caught.value.filename == str(tmp_path / "result.json")


def test_a_full_disk_creates_no_file_and_the_error_names_it(tmp_path: Path) -> None:
    path = tmp_path / "entry.json"
    code = """
import resource, sys
from pathlib import Path
from convboard.files import create_once
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    create_once(Path(sys.argv[1]), "x" * (1 << 20))
except OSError as error:
    print(error.filename)
"""
    with start(code, path) as process:
        assert first_line(process) == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_emptied_but_not_what_a_link_leads_to(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("something")
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic link"):
        empty(link)
    assert file.read_text() == "something"
    empty(file)
    assert file.read_text() == ""


def test_a_file_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    assert create_once(path, "first")
    assert not create_once(path, "second")
    assert path.read_text() == "first"
    assert [path] == list(tmp_path.iterdir())

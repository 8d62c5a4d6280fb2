"""What is written down of workers that are started elsewhere."""

import re
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from convboard.errors import RunError
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.store.submissions import (
    SUBMISSIONS,
    Submission,
    note_started,
    prove_folder,
    read_submissions,
    submission_of,
    submit,
)
from convboard.sweeps.store.sweep_folder import Sweep
from nfs_client import NfsClient
from sweep_records import sweep_of_seeds

SETTINGS = asdict(RemoteSettings(workers_per_node=3, python="/opt/python"))


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return sweep_of_seeds(tmp_path / "sweep", 1)


def test_it_is_read_as_it_was_written_with_what_was_started(sweep: Sweep) -> None:
    first, second = (submit(sweep, SETTINGS, workers, stops=1) for workers in (2, 7))
    note_started(second, ["job 12"])
    assert [one.number for one in read_submissions(sweep.folder)] == [0, 1]
    assert submission_of(sweep.folder, 0) == first
    assert submission_of(sweep.folder, 1) == Submission(
        1,
        str(sweep.folder),
        "abc",
        str(Path.cwd()),
        7,
        1,
        SETTINGS,
        ("job 12",),
    )
    assert submission_of(sweep.folder, 2) is None


def test_no_number_is_given_twice(sweep: Sweep) -> None:
    threads = [threading.Thread(target=submit, args=(sweep, SETTINGS, 1, 0)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.number for one in read_submissions(sweep.folder)] == list(range(8))


def test_workers_are_divided_among_processes(sweep: Sweep) -> None:
    submission = submit(sweep, SETTINGS, 7, stops=0)
    assert submission.groups() == [3, 3, 1]
    join = ["sweep.join=" + str(sweep.folder), "sweep.workers=3", "sweep.submission=0"]
    assert submission.command(3) == ["/opt/python", "-m", "convboard", "train", "-m", *join]


def test_a_damaged_file_hides_no_other(sweep: Sweep) -> None:
    for _ in range(3):
        submit(sweep, SETTINGS, 1, stops=0)
    for number, text in enumerate(("{", '{"number": 1}')):
        (sweep.folder / SUBMISSIONS / f"{number:04}.json").write_text(text)
    assert [one.number for one in read_submissions(sweep.folder)] == [2]


def test_a_worker_proves_that_it_sees_the_folder(sweep: Sweep, tmp_path: Path) -> None:
    submit(sweep, SETTINGS, 1, stops=0)
    prove_folder(sweep.folder, 0)
    for folder, sees in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "a folder without it")):
        with pytest.raises(RunError, match=f"sweep in {re.escape(str(folder))}, and sees {sees}"):
            prove_folder(folder, 0)


def test_a_worker_sees_its_submission_although_its_machine_has_looked_for_it_in_vain(sweep: Sweep) -> None:
    """As where `sweep.watch` looks for new ones."""
    client = NfsClient()
    for number in range(2):
        with client.looking():
            assert len(list(read_submissions(sweep.folder))) == number
        submit(sweep, SETTINGS, 1, stops=0)
        with client.looking():
            assert submission_of(sweep.folder, number) is None
            prove_folder(sweep.folder, number)


def test_a_worker_sees_that_another_sweep_has_taken_the_place(sweep: Sweep, tmp_path: Path) -> None:
    submit(sweep, SETTINGS, 1, stops=0)
    record = sweep.folder / "sweep.yaml"
    record.write_text(record.read_text().replace("token: abc", "token: xyz"))
    with pytest.raises(RunError, match="another sweep"):
        prove_folder(sweep.folder, 0)

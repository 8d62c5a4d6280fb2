"""Who is alive: by process id on the same machine, by signs of life elsewhere, and never by comparing clocks."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from convboard.sweeps.store.liveness import Observer, SignOfLife, Worker, clock_remark, this_worker
from nfs_client import NfsClient
from python_code import first_line, start


def elsewhere(folder: Path) -> Worker:
    """A worker of another machine."""
    worker = replace(this_worker(), machine="another one")
    (folder / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    return worker


def test_a_worker_of_this_machine_is_dead_when_its_process_is(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convboard.sweeps.store.liveness import SignOfLife, this_worker\n"
        f"worker = this_worker()\nwith SignOfLife(Path({str(tmp_path)!r}), worker):\n"
        "    print(worker.id, flush=True); sys.stdin.read()"
    )
    process = start(code)
    worker = first_line(process)
    observer = Observer(tmp_path)
    assert not observer.is_dead(worker)
    process.kill()
    process.communicate()
    assert observer.is_dead(worker)


def test_another_process_with_its_id_is_not_the_worker(tmp_path: Path) -> None:
    worker = this_worker()
    earlier = replace(worker, started=worker.started - 100)
    (tmp_path / f"{worker.id}.json").write_text(json.dumps(asdict(earlier)))
    assert Observer(tmp_path).is_dead(worker.id)


class Looks:
    """An observer that looks for a worker every ten seconds, with a time-out of a minute."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.worker, self.now = worker, 0.0
        self.observer = Observer(folder, lost_after=60, clock=lambda: self.now)

    def is_dead(self, after: float) -> bool:
        """Whether the worker is dead so many seconds later."""
        end = self.now + after
        while self.now < end:
            self.now = min(self.now + 10, end)
            dead = self.observer.is_dead(self.worker)
        return dead


def test_elsewhere_a_worker_is_dead_when_its_sign_of_life_does_not_change(tmp_path: Path) -> None:
    worker = elsewhere(tmp_path).id
    beat = tmp_path / f"{worker}.beat"
    beat.write_text("1")
    looks = Looks(tmp_path, worker)
    assert not looks.is_dead(after=60)
    beat.write_text("2")
    assert not looks.is_dead(after=70)
    assert looks.is_dead(after=5)
    beat.write_text("3")  # it was only slow
    assert not looks.is_dead(after=5)


def test_time_in_which_the_observer_does_not_look_does_not_count(tmp_path: Path) -> None:
    """It was stopped, or the file server was away: then all workers were, and none is dead."""
    looks = Looks(tmp_path, elsewhere(tmp_path).id)
    assert not looks.is_dead(after=30)
    looks.now += 3600
    assert not looks.is_dead(after=10)
    assert looks.is_dead(after=30)


def test_a_machine_of_the_same_host_name_is_another_one(tmp_path: Path) -> None:
    """The process ids there are not those here."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    worker = replace(elsewhere(tmp_path), host=this_worker().host, pid=gone.pid)
    (tmp_path / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    assert not Observer(tmp_path).is_dead(worker.id)


def test_a_clock_that_is_wrong_by_an_hour_changes_nothing(tmp_path: Path) -> None:
    worker = elsewhere(tmp_path)
    beat = tmp_path / f"{worker.id}.beat"
    beat.write_text("1")
    for hour in (-3600, 3600):
        os.utime(beat, (beat.stat().st_atime + hour, beat.stat().st_mtime + hour))
        assert not Observer(tmp_path, lost_after=60).is_dead(worker.id)


@pytest.mark.parametrize(("hours", "told"), [(0.1, ""), (3, "3.0 hours ahead of"), (-26, "26.0 hours behind")])
def test_a_clock_that_is_wrong_is_told(tmp_path: Path, hours: float, told: str) -> None:
    remark = clock_remark(tmp_path, lambda: time.time() + hours * 3600)
    assert told in remark
    assert bool(remark) == bool(told)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_tells_nothing_of_the_clock(tmp_path: Path) -> None:
    assert clock_remark(tmp_path / "none") == ""


def test_a_worker_that_was_looked_for_before_its_first_sign_is_not_taken_for_dead(tmp_path: Path) -> None:
    """A client of NFS may say for a minute that its files are not there."""
    client, worker = NfsClient(), this_worker().id
    looks = Looks(tmp_path, worker)
    with client.looking():
        assert not looks.is_dead(after=10)
    elsewhere_too = replace(this_worker(), id=worker, machine="another one")
    (tmp_path / f"{worker}.json").write_text(json.dumps(asdict(elsewhere_too)))
    (tmp_path / f"{worker}.beat").write_text("1")
    with client.looking():
        assert looks.observer.worker(worker) is None
        assert not looks.is_dead(after=50)
    assert not looks.is_dead(after=60)  # from then on it is seen
    assert looks.observer.worker(worker) == elsewhere_too


def test_a_worker_whose_files_are_lost_is_dead_after_the_same_time(tmp_path: Path) -> None:
    (tmp_path / "damaged.json").write_text("{")
    for worker in ("lost", "damaged"):
        looks = Looks(tmp_path, worker)
        assert looks.observer.worker(worker) is None
        assert not looks.is_dead(after=60)
        assert looks.is_dead(after=20)


def test_signs_of_life_come_at_once_and_end_with_the_worker(tmp_path: Path) -> None:
    worker = this_worker()
    with SignOfLife(tmp_path, worker):
        while not (tmp_path / f"{worker.id}.beat").exists():
            pass
        assert Observer(tmp_path).worker(worker.id) == replace(worker, folder=str(tmp_path))
    assert not list(tmp_path.glob(".*.tmp"))


class Recording(Observer):
    """An observer that notes for whom it looks; `ended` are those that have ended."""

    def __init__(self, folder: Path, ended: set[str]) -> None:
        self.now, self.ended = 0.0, ended
        self.looked: list[str] = []
        super().__init__(folder, clock=lambda: self.now)

    def is_dead(self, worker_id: str) -> bool:
        self.looked.append(worker_id)
        if worker_id not in self.ended:
            (self._folder / f"{worker_id}.beat").write_text(f"{self.now}")
        return super().is_dead(worker_id)


def test_of_many_workers_each_looks_for_a_few_and_all_are_looked_for(tmp_path: Path) -> None:
    workers = [f"node{number // 8}-{number}-abc" for number in range(100)]
    looked: list[str] = []
    for own in workers:
        observer = Recording(tmp_path, set())
        assert observer.dead(workers, own) == set()
        looked += observer.looked
    assert len(looked) == 8 * len(workers)
    assert set(looked) == set(workers)


def test_the_last_worker_that_is_alive_finds_all_who_have_ended(tmp_path: Path) -> None:
    workers = [f"node{number // 8}-{number}-abc" for number in range(1000)]
    observer = Recording(tmp_path, set(workers[1:]))
    left = set(workers)
    while left != {workers[0]}:
        observer.now += 10
        left -= observer.dead(left, workers[0])
    assert observer.now < 600


def test_a_few_workers_look_for_each_other_and_who_is_none_looks_for_all(tmp_path: Path) -> None:
    workers = [f"node-{number}-abc" for number in range(30)]
    for own, ids in (("node-3-abc", workers[:9]), ("", workers)):
        observer = Recording(tmp_path, set())
        observer.dead(ids, own)
        assert set(observer.looked) == set(ids) - {own}

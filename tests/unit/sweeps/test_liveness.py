"""Who is alive: by process id on the same machine, by signs of life elsewhere, and never by comparing clocks."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from convboard.sweeps.liveness import Observer, SignOfLife, Worker, this_worker


def elsewhere(folder: Path) -> Worker:
    """A worker of another machine."""
    worker = replace(this_worker(), machine="another one")
    (folder / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    return worker


def test_a_worker_of_this_machine_is_dead_when_its_process_is(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from convboard.sweeps.liveness import SignOfLife, this_worker\n"
        f"worker = this_worker()\nwith SignOfLife(Path({str(tmp_path)!r}), worker):\n"
        "    print(worker.id, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    worker = process.stdout.readline().strip()
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


def test_elsewhere_a_worker_is_dead_when_its_sign_of_life_does_not_change(tmp_path: Path) -> None:
    worker, now = elsewhere(tmp_path), [0.0]
    beat = tmp_path / f"{worker.id}.beat"
    beat.write_text("1")
    observer = Observer(tmp_path, lost_after=60, clock=lambda: now[0])
    assert not observer.is_dead(worker.id)
    now[0] = 59
    assert not observer.is_dead(worker.id)
    beat.write_text("2")
    now[0] = 100
    assert not observer.is_dead(worker.id)
    now[0] = 161
    assert observer.is_dead(worker.id)
    beat.write_text("3")  # it was only slow
    assert not observer.is_dead(worker.id)


def test_a_clock_that_is_wrong_by_an_hour_changes_nothing(tmp_path: Path) -> None:
    worker = elsewhere(tmp_path)
    beat = tmp_path / f"{worker.id}.beat"
    beat.write_text("1")
    for hour in (-3600, 3600):
        os.utime(beat, (beat.stat().st_atime + hour, beat.stat().st_mtime + hour))
        assert not Observer(tmp_path, lost_after=60).is_dead(worker.id)


def test_a_worker_whose_files_are_lost_is_dead_after_the_same_time(tmp_path: Path) -> None:
    (tmp_path / "damaged.json").write_text("{")
    now = [0.0]
    observer = Observer(tmp_path, lost_after=60, clock=lambda: now[0])
    for worker in ("lost", "damaged"):
        assert not observer.is_dead(worker)
        assert observer.worker(worker) is None
    now[0] = 61
    assert observer.is_dead("lost")
    assert observer.is_dead("damaged")


def test_signs_of_life_come_at_once_and_end_with_the_worker(tmp_path: Path) -> None:
    worker = this_worker()
    with SignOfLife(tmp_path, worker):
        while not (tmp_path / f"{worker.id}.beat").exists():
            pass
        assert Observer(tmp_path).worker(worker.id) == worker
    assert not list(tmp_path.glob(".*.tmp"))

"""A pool looks for what others have done: often, unless that is slow."""

import json
from dataclasses import asdict
from pathlib import Path

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.stop_requests import request_stop
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.workers.others import Others
from sweep_records import sweep_of_seeds


def test_a_journal_that_is_slow_to_read_is_read_seldom_and_a_request_to_stop_is_seen_soon(tmp_path: Path) -> None:
    sweep, other = sweep_of_seeds(tmp_path, 3), Sweep.open(tmp_path)
    times = [0.0, 0.0, 10.0]  # the first reading takes ten seconds, 5 % of the time until the next one
    others = Others(sweep, "me", None, 1.0, lambda: times.pop(0) if len(times) > 1 else times[0])
    others.look()
    other.journal.claim("other", [0])
    request_stop(tmp_path)
    seen = []
    for now in (0.5, 1.0, 199.0, 200.0):
        times[:] = [now]
        others.look()
        seen.append((others.have_cancelled, sweep.journal.state(0)))
    waiting, running = (True, State.WAITING), (True, State.RUNNING)
    assert seen == [(False, State.WAITING), waiting, waiting, running]


def test_the_worker_that_ends_the_last_trial_of_a_block_writes_the_block(tmp_path: Path) -> None:
    sweep = sweep_of_seeds(tmp_path, 100)
    (tmp_path / "journal/000").mkdir()
    for number in range(100):
        text = json.dumps(asdict(Entry(State.PRUNED, "me")))
        (tmp_path / f"journal/000/{number:05}.0000.json").write_text(text)
    Others(sweep, "other", None, 1.0).look()
    assert not (tmp_path / "journal/000.jsonl").exists()
    Others(Sweep.open(tmp_path), "me", None, 1.0).look()
    assert (tmp_path / "journal/000.jsonl").exists()

"""How far a sweep is, by what runs here and by its journal."""

import random
from pathlib import Path

import pytest

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.sweep_progress import RunningTrial, SweepProgress
from convboard.sweeps.workers.reports import Progress
from sweep_records import sweep_of_seeds


class Watched:
    """A sweep that is followed, and a clock that is set by hand."""

    def __init__(self, folder: Path, trials: int, places: int = 2) -> None:
        self.sweep, self.now = sweep_of_seeds(folder, trials), 0.0
        self.progress = SweepProgress(self.sweep, places, lambda: self.now)

    def start(self, number: int) -> Trial:
        self.sweep.journal.claim("w", [number])
        self.progress.start(self.sweep.trials[number])
        return self.sweep.trials[number]

    def end(self, number: int, entry: Entry) -> None:
        self.sweep.journal.append(number, entry)
        self.progress.end(self.sweep.trials[number], entry)


def test_the_first_epoch_tells_how_long_the_sweep_takes(tmp_path: Path) -> None:
    watched = Watched(tmp_path, 5)
    first = watched.start(0)
    watched.start(1)
    watched.now = 10.0
    assert watched.progress.snapshot().seconds_left is None
    watched.progress.report(first, Progress(1, 1, 0.5, 100.0))
    # The others take 10 s each, as that one did; the second one was expected to have ended, and takes 1 s at least.
    assert watched.progress.snapshot().seconds_left == pytest.approx(20)


def test_trials_that_ended_elsewhere_tell_it_too(tmp_path: Path) -> None:
    watched = Watched(tmp_path, 4)
    other = Sweep.open(tmp_path)
    other.journal.claim("elsewhere", [0, 1])
    other.journal.append(0, Entry(State.FINISHED, "elsewhere", value=0.5, seconds=8.0))
    other.journal.claim("elsewhere", [1])
    watched.sweep.refresh()
    snapshot = watched.progress.snapshot()
    assert (snapshot.total, snapshot.over, snapshot.counts[State.RUNNING]) == (4, 1, 1)
    assert snapshot.best == (watched.sweep.trials[0], 0.5)
    assert snapshot.seconds_left == pytest.approx(8)  # two wait for two places here, one runs elsewhere


def test_failed_trials_do_not_tell_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path, 3)
    watched.start(0)
    watched.now = 1.0
    watched.end(0, Entry(State.FAILED, seconds=1.0))
    assert watched.progress.snapshot().seconds_left is None
    watched.end(1, Entry(State.RUNNING))  # the pool gives up a trial that did not run here: nothing to remove


def test_a_resumed_trial_is_measured_by_its_epochs_here() -> None:
    one = RunningTrial(Trial(0, (), {}, "", {}), began=100.0)
    one.report(Progress(8, 10, 0.5, 1.0), now=104.0)
    assert one.seconds_left(104.0, expected=99.0) == pytest.approx(8)
    one.report(Progress(9, 10, 0.5, 1.0), now=106.0)
    assert one.seconds_left(107.0, expected=99.0) == pytest.approx(2)
    assert one.done() == 0.9


def test_who_has_followed_a_sweep_knows_what_one_knows_who_opens_it_now(tmp_path: Path) -> None:
    watched, other, generator = Watched(tmp_path, 12), Sweep.open(tmp_path), random.Random(3)
    told = []
    while number := other.journal.claim("elsewhere", range(1, 12)):
        state = generator.choice([State.FINISHED, State.FAILED, State.INTERRUPTED, State.PRUNED])
        value = generator.choice([0.25, 0.5, None]) if state is State.FINISHED else None
        other.journal.append(number, Entry(state, "elsewhere", value=value, seconds=generator.random()))
        if state is State.FAILED and generator.random() < 0.5:
            other.retry([number])
        if generator.random() < 0.5:
            watched.sweep.refresh()
            snapshot = watched.progress.snapshot()
            anew = SweepProgress(Sweep.open(tmp_path), 2, lambda: 0.0).snapshot()
            told += [trial.number for trial, _ in snapshot.ended_elsewhere]
            assert (snapshot.counts, snapshot.best) == (anew.counts, anew.best)
            assert snapshot.seconds_left == pytest.approx(anew.seconds_left)
    watched.sweep.refresh()
    told += [trial.number for trial, _ in watched.progress.snapshot().ended_elsewhere]
    assert set(told) == set(range(1, 12))


def test_a_trial_is_known_after_its_entries(tmp_path: Path) -> None:
    """A search on another machine has added it; the file with it is seen later than those of the journal."""
    watched, other = Watched(tmp_path, 1), Sweep.open(tmp_path)
    other.trials.add_block([other.trials[0]])
    other.journal.claim("elsewhere", [1])
    other.journal.append(1, Entry(State.FINISHED, "elsewhere", value=0.5))
    watched.sweep.journal.refresh()
    assert watched.progress.snapshot().best is None
    watched.sweep.refresh()
    snapshot = watched.progress.snapshot()
    assert [trial.number for trial, _ in snapshot.ended_elsewhere] == [1]
    assert snapshot.best == (watched.sweep.trials[1], 0.5)

"""How far a sweep is: what runs here, how many trials are in each state, the best so far, and the time that is left."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from convboard.config.objectives import sign_of
from convboard.sweeps.store.entries import OVER, Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.time_left import Durations, makespan
from convboard.sweeps.workers.reports import Progress

_TIMED = (State.FINISHED, State.PRUNED)  # trials that tell how long others take
_OVERDUE = 0.1  # of the time that a trial has taken: what it still takes at least, if it was expected to have ended


@dataclass
class RunningTrial:
    """A trial that runs here.

    Attributes:
        trial: The trial.
        began: When it was started.
        progress: Its last report.
        reported: When that came.
        resumed_at: Epochs that it had done when it was started here.
    """

    trial: Trial
    began: float
    progress: Progress | None = None
    reported: float = 0.0
    resumed_at: int = 0

    def report(self, progress: Progress, now: float) -> None:
        """Note a report."""
        if self.progress is None:
            self.resumed_at = progress.epoch - 1
        self.progress, self.reported = progress, now

    def done(self) -> float:
        """Return the share of its epochs that it has done."""
        return self.progress.epoch / self.progress.max_epochs if self.progress else 0.0

    def epoch_seconds(self) -> float | None:
        """Return how long its epochs took; None before the first one has ended."""
        if self.progress is None:
            return None
        return (self.reported - self.began) / max(1, self.progress.epoch - self.resumed_at)

    def seconds_left(self, now: float, expected: float | None) -> float | None:
        """Return how much longer it takes, by its epochs, or else by how long such trials take; None: unknown."""
        if self.progress is None:
            elapsed = now - self.began
            return None if expected is None else max(expected - elapsed, _OVERDUE * elapsed)
        left = (self.progress.max_epochs - self.progress.epoch) * (self.epoch_seconds() or 0.0)
        return max(0.0, left - (now - self.reported))


@dataclass(frozen=True)
class Snapshot:
    """A sweep at one moment.

    Attributes:
        counts: Number of trials in each state.
        to_propose: Number of trials that a search has still to propose.
        best: The best trial that finished, and its objective.
        seconds_left: Until all trials have ended; None if nothing tells how long trials take.
        elsewhere: The trials that other workers run.
        ended_elsewhere: The trials that they have ended for good since the last snapshot, with the entries for that.
    """

    counts: Counter[State]
    to_propose: int
    best: tuple[Trial, float] | None
    seconds_left: float | None
    elsewhere: Sequence[Trial]
    ended_elsewhere: Sequence[tuple[Trial, Entry]]

    @property
    def total(self) -> int:
        """Number of all trials."""
        return sum(self.counts.values()) + self.to_propose

    @property
    def over(self) -> int:
        """Number of trials that have ended for good."""
        return sum(self.counts[state] for state in OVER)


class SweepProgress:
    """Follows a sweep by what the pool tells, and by its journal.

    Args:
        sweep: The sweep.
        places: Number of trials that run here at a time.
        clock: The time in seconds.

    Attributes:
        running: The trials that run here, the first started first.
        ended: Number of trials that have ended for good since the last snapshot.
    """

    def __init__(self, sweep: Sweep, places: int, clock: Callable[[], float]) -> None:
        self._sweep, self._places, self._clock = sweep, places, clock
        self.running: dict[int, RunningTrial] = {}
        self.ended = 0
        self._timed: set[int] = set()
        self._durations = Durations()
        self._known: dict[int, int] = {}  # trials that have ended, by the number of their entries then
        self._read = 0  # entries of the journal that are taken into account
        self._unknown: set[int] = set()  # trials that have entries, and were not known when these were read
        self._best: tuple[Trial, float] | None = None
        self._ended_elsewhere()

    def start(self, trial: Trial) -> None:
        """A trial has been started here."""
        self.running[trial.number] = RunningTrial(trial, self._clock())

    def report(self, trial: Trial, progress: Progress) -> None:
        """A trial that runs here has done an epoch."""
        self.running[trial.number].report(progress, self._clock())

    def end(self, trial: Trial, end: Entry) -> None:
        """A trial has ended, which usually ran here."""
        one = self.running.pop(trial.number, None)
        if end.state in OVER:
            self.ended += 1
            self._known[trial.number] = len(self._sweep.journal.entries(trial.number))
        if one is not None and end.state in _TIMED:
            self._time(trial.number, self._clock() - one.began)

    def snapshot(self) -> Snapshot:
        """Return how far the sweep is, by the journal as it was read last."""
        self.ended = 0
        sweep, numbers = self._sweep, range(len(self._sweep.trials))
        ended_elsewhere = self._ended_elsewhere()
        running = [number for number, _ in sweep.journal.running() if number in numbers]
        to_propose = sweep.total - len(numbers)
        return Snapshot(
            sweep.journal.count(numbers),
            to_propose,
            self._best,
            self._seconds_left(running, to_propose),
            [sweep.trials[number] for number in running if number not in self.running],
            ended_elsewhere,
        )

    def _ended_elsewhere(self) -> list[tuple[Trial, Entry]]:
        """Take what is new in the journal into account.

        Returns:
            The trials that have ended for good and are not known to have, with their last entries.
        """
        journal, trials = self._sweep.journal, self._sweep.trials
        changed = self._unknown.union(journal.known[self._read :])
        self._read, self._unknown = len(journal.known), {number for number in changed if number >= len(trials)}
        ended = []
        for number in sorted(changed - self._unknown):
            entries = journal.entries(number)
            last = entries[-1]
            if last.state in _TIMED and number not in self._timed:
                self._time(number, last.seconds)  # elsewhere, or before
            if last.state is State.FINISHED and last.value is not None:
                self._compare(trials[number], last.value)
            if last.state in OVER and self._known.get(number) != len(entries):
                self._known[number] = len(entries)
                ended.append((trials[number], last))
        return ended

    def _time(self, number: int, seconds: float | None) -> None:
        self._timed.add(number)
        if seconds is not None:
            self._durations.add(self._sweep.trials[number], seconds)

    def _compare(self, trial: Trial, value: float) -> None:
        """Compare a trial that has finished with the best one; of equally good ones, the first one is the best."""
        sign = sign_of(self._sweep.record.objective)
        best = self._best
        if best is None or (sign * value, -trial.number) > (sign * best[1], -best[0].number):
            self._best = trial, value

    def _seconds_left(self, running: Sequence[int], to_propose: int) -> float | None:
        now = self._clock()
        rates = [rate for one in self.running.values() if (rate := one.epoch_seconds()) is not None]
        epoch_seconds, trials = fmean(rates) if rates else None, self._sweep.trials
        left = []
        for number in running:
            expected = self._durations.estimate(trials[number], epoch_seconds)
            one = self.running.get(number)
            left.append(expected if one is None else one.seconds_left(now, expected))
        claimable = self._sweep.journal.claimable(range(len(trials)))
        waiting = [self._durations.estimate(trials[number], epoch_seconds) for number in claimable]
        waiting += [self._durations.estimate(trial) for trial in self._sweep.representatives[:1]] * to_propose
        elsewhere = len(left) - len(self.running)
        known = [seconds for seconds in (*left, *waiting) if seconds is not None]
        if len(known) < len(left) + len(waiting):
            return None
        return makespan(known[: len(left)], known[len(left) :], max(self._places + elsewhere, len(left), 1))

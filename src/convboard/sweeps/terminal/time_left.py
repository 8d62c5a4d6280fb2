"""How much longer a sweep takes, by how long its trials took."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convboard.sweeps.store.trials import Trial

_ENOUGH = 0.5  # share of the variance that a key must explain to be asked
_MOST_SCHEDULED = 5000  # trials


@dataclass
class _Sum:
    """Number, sum and sum of squares of some values."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count, self.total, self.squares = self.count + 1, self.total + value, self.squares + value * value

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def deviations(self) -> float:
        """Sum of the squared deviations from the mean."""
        return max(0.0, self.squares - self.total * self.total / self.count)


class Durations:
    """Estimates how long trials take, by those that have ended.

    It takes an epoch for as long as it took in the mean of the trials with the same value of one swept key: of the key
    that explains the differences best, such as the model. If no key explains half of them, it is the mean of all.
    """

    def __init__(self) -> None:
        self._all = _Sum()
        self._by_key: dict[str, dict[str, _Sum]] = defaultdict(lambda: defaultdict(_Sum))
        self._key: str | None = None
        self._is_key_known = True

    def add(self, trial: Trial, seconds: float) -> None:
        """Learn that a trial has taken so many seconds."""
        value = seconds / _epochs(trial)
        self._all.add(value)
        for key, text in trial.swept.items():
            self._by_key[key][text].add(value)
        self._is_key_known = False

    def estimate(self, trial: Trial, epoch_seconds: float | None = None) -> float | None:
        """Return how many seconds a trial may take.

        Args:
            trial: The trial.
            epoch_seconds: Seconds of an epoch, for as long as no trial has ended; None: they are not known.
        """
        if not self._all.count:
            return None if epoch_seconds is None else epoch_seconds * _epochs(trial)
        key = self._best_key()
        group = None if key is None else self._by_key[key].get(trial.swept.get(key, ""))
        return (group or self._all).mean * _epochs(trial)

    def _best_key(self) -> str | None:
        """Return the key that explains the differences best; None if none explains enough of them."""
        if not self._is_key_known:
            shares = {key: self._explained(key) for key in self._by_key}
            key = max(shares, key=lambda key: shares[key], default=None)
            self._key, self._is_key_known = None if key is None or shares[key] < _ENOUGH else key, True
        return self._key

    def _explained(self, key: str) -> float:
        """Return the share of the variance that a key explains, adjusted for the number of its values."""
        groups, count = self._by_key[key].values(), self._all.count
        if count <= len(groups) or not self._all.deviations:
            return 0.0
        within = sum(group.deviations for group in groups) / (count - len(groups))
        return 1 - within / (self._all.deviations / (count - 1))


def makespan(running: Sequence[float], waiting: Iterable[float], places: int) -> float:
    """Return the seconds until all trials have ended, each waiting one started where the next place becomes free.

    Args:
        running: Seconds that each running trial still takes.
        waiting: Seconds that each waiting one takes, in the order in which they start.
        places: Number of trials that run at a time.
    """
    waiting = list(waiting)
    if len(waiting) > _MOST_SCHEDULED:
        return max((sum(running) + sum(waiting)) / places, *running, 0.0)
    ends = [*running, *[0.0] * (places - len(running))]
    heapq.heapify(ends)
    for seconds in waiting:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def _epochs(trial: Trial) -> int:
    return int(trial.config.get("trainer", {}).get("max_epochs", 1))

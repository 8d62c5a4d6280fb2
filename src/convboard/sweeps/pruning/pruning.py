"""Which trials are pruned: at the end of an epoch, by the values of all trials on the disk.

The values are in files that are created once, so that any worker on any machine reads them::

    values/00003/00012.json       the values of trial 12 at the epochs 1 to 3; for successive halving, at its rungs
    values/finished/00012.json    those of all epochs of trial 12, which has done its last one; for the median rule

Of a setting with several seeds, the first one is judged, and the others end when it is pruned. If each were judged by
itself, the mean of a setting would be that of its lucky seeds.

A value is the metric on the validation split that goes with the objective of the sweep, also if that is of the test
split, which decides nothing.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from convboard.config.objectives import format_metric, sign_of
from convboard.files import create_once, read_text
from convboard.sweeps.pruning.rules import is_among_best, is_rung, is_worse_than, median_of_averages, most_that_go_on
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.journal import Journal

_FINISHED = "finished"
_LONGEST = 10_000_000  # bytes of a file


class EpochValues:
    """The values of the trials of a sweep by epoch, as far as its pruner needs them.

    Args:
        folder: Their folder, which is created when there are any.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, list[float]] = {}  # files that have been read, which never change

    def write(self, place: str, number: int, values: Sequence[float]) -> None:
        """Store the values of a trial, unless they are there: a resumed run gives the same ones again.

        Args:
            place: An epoch as text, or `finished`.
            number: The trial.
            values: Its values by epoch.

        Raises:
            OSError: The folder cannot be written.
        """
        folder = self._folder / place
        folder.mkdir(parents=True, exist_ok=True)
        create_once(folder / f"{number:05}.json", json.dumps(list(values)))

    def others(self, place: str, number: int) -> list[list[float]]:
        """Return what the trials other than this one have stored. A damaged file counts as missing."""
        folder = self._folder / place
        paths = [path for path in folder.glob("*.json") if path.stem != f"{number:05}"] if folder.is_dir() else []
        for path in paths:
            if path not in self._known:
                with suppress(OSError, ValueError, TypeError, RecursionError):
                    self._known[path] = [float(value) for value in json.loads(read_text(path, _LONGEST))]
        return [values for path in paths if (values := self._known.get(path))]


class Pruner(Protocol):
    """A rule by which trials are pruned."""

    def judge(self, number: int, values: Sequence[float], is_last: bool, stored: EpochValues) -> str | None:
        """Store what the other trials need of this one, and decide whether it goes on.

        Args:
            number: The trial.
            values: Its values by epoch, at least one.
            is_last: Whether it has done its last epoch. It is not pruned then.
            stored: The values of all trials.

        Returns:
            Why it does not go on; None if it does.
        """


@dataclass(frozen=True)
class SuccessiveHalving:
    """Asynchronous successive halving; see `rules.is_among_best`.

    Attributes:
        objective: The metric by which trials are compared.
        first: Epochs before the first comparison.
        reduction_factor: The inverse of the share that goes on at each comparison.
    """

    objective: str
    first: int
    reduction_factor: int

    def judge(self, number: int, values: Sequence[float], is_last: bool, stored: EpochValues) -> str | None:
        """See `Pruner`."""
        epoch = len(values)
        if not is_rung(epoch, self.first, self.reduction_factor):
            return None
        place = f"{epoch:05}"
        stored.write(place, number, values)
        others = [each[-1] for each in stored.others(place, number)]
        if is_last or is_among_best(values[-1], others, self.reduction_factor, sign_of(self.objective)):
            return None
        most, trials = most_that_go_on(len(others) + 1, self.reduction_factor), len(others) + 1
        best = "the best" if most == 1 else f"among the best {most}"
        return f"epoch {epoch}: {format_metric(self.objective, values[-1])} is not {best} of {trials} trials"


@dataclass(frozen=True)
class MedianRule:
    """The median stopping rule; see `rules.is_worse_than`.

    Attributes:
        objective: See `SuccessiveHalving`.
        first: See `SuccessiveHalving`.
        min_trials: Trials that must have finished before one is pruned.
    """

    objective: str
    first: int
    min_trials: int

    def judge(self, number: int, values: Sequence[float], is_last: bool, stored: EpochValues) -> str | None:
        """See `Pruner`."""
        if is_last:
            stored.write(_FINISHED, number, values)
            return None
        epoch = len(values)
        others = stored.others(_FINISHED, number) if epoch >= self.first else []
        if len(others) < self.min_trials:
            return None
        sign = sign_of(self.objective)
        limit = median_of_averages(others, epoch, sign)
        if not is_worse_than(limit, values, sign):
            return None
        best = max(values) if sign > 0 else min(values)
        told, median = (format_metric(self.objective, value) for value in (best, limit))
        trials = f"{len(others)} trial{'s' if len(others) > 1 else ''}"
        return f"epoch {epoch}: the best value {told} is worse than the median {median} of {trials}"


@dataclass(frozen=True)
class WithItsSetting:
    """Prunes a trial when another seed of the same setting has been pruned.

    Attributes:
        journal: The journal of the sweep.
        siblings: The trials with the other seeds.
    """

    journal: Journal
    siblings: Sequence[int]

    def judge(self, number: int, values: Sequence[float], is_last: bool, stored: EpochValues) -> str | None:
        """See `Pruner`."""
        for sibling in () if is_last else self.siblings:
            self.journal.refresh_trial(sibling)
            if self.journal.state(sibling) is State.PRUNED:
                return pruned_with(sibling)
        return None


def pruned_with(sibling: int) -> str:
    """Return the reason for which a trial is pruned after one with another seed of the same setting."""
    return f"trial {sibling}, which has another seed of the same setting, was pruned"

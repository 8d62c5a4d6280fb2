"""What a search knows when it proposes a setting: the settings that it has tried, and how they ended.

The journal is the truth. What a proposal was made from is recorded with its first trial (`Trial.outcomes`), as the
difference to the proposal before: therefore each proposal can be made again from the files, whenever and wherever.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from convboard.sweeps.store.entries import OVER, Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.trials import Trial


@dataclass(frozen=True)
class Outcome:
    """How a trial, or all trials of a setting, ended.

    Attributes:
        state: Finished, pruned or failed.
        value: The objective; None if it has none.
        epochs: Epochs done if it was pruned.
    """

    state: State
    value: float | None = None
    epochs: int | None = None


class History:
    """The settings that a search has tried, and what it knows of them.

    Args:
        keys: The keys of its space.

    Attributes:
        proposals: Number of its proposals.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._trials: dict[tuple[str, ...], list[int]] = {}
        self._outcomes: dict[int, Outcome] = {}
        self.proposals = 0

    def __contains__(self, setting: Mapping[str, str]) -> bool:
        return tuple(setting[key] for key in self._keys) in self._trials

    def add(self, trial: Trial) -> None:
        """Add a trial of the sweep, and what was known when it was proposed. The first trial comes first."""
        if trial.outcomes is not None:
            self.proposals += 1
            self.learn(trial.outcomes)
        if all(key in trial.swept for key in self._keys):
            self._trials.setdefault(tuple(trial.swept[key] for key in self._keys), []).append(trial.number)

    def after(self, outcomes: Mapping[str, Any]) -> "History":
        """Return a history that also knows what `changes` has returned."""
        known = copy(self)
        known._outcomes = dict(self._outcomes)
        known.learn(outcomes)
        return known

    def learn(self, outcomes: Mapping[str, Any]) -> None:
        """Take over what `changes` has returned."""
        for number, outcome in outcomes.items():
            if outcome is None:
                self._outcomes.pop(int(number), None)
            else:
                state, value, epochs = outcome
                self._outcomes[int(number)] = Outcome(State(state), value, epochs)

    def changes(self, journal: Journal, trials: int) -> dict[str, list[Any] | None]:
        """Return how the journal differs from what is known here, as values of JSON by the number of the trial.

        Args:
            journal: The journal.
            trials: Number of trials.
        """
        now = {number: _outcome(journal.entries(number)) for number in range(trials)}
        return {
            str(number): None if outcome is None else [outcome.state, outcome.value, outcome.epochs]
            for number, outcome in now.items()
            if outcome != self._outcomes.get(number)
        }

    def settings(self) -> Iterator[tuple[dict[str, str], Outcome | None]]:
        """Yield the settings in the order in which they were proposed, each with its outcome; None while it is open."""
        for setting, numbers in self._trials.items():
            outcomes = [self._outcomes.get(number) for number in numbers]
            yield dict(zip(self._keys, setting, strict=True)), _of_all(outcomes)


def _outcome(entries: Sequence[Entry]) -> Outcome | None:
    """Return how a trial has ended; None if it has not."""
    last = entries[-1] if entries else None
    if last is None or last.state not in OVER:
        return None
    value = last.value if last.value is not None and math.isfinite(last.value) else None
    if last.state is State.FAILED or (last.state is State.FINISHED and value is None):
        return Outcome(State.FAILED)
    return Outcome(last.state, value, last.epochs if last.state is State.PRUNED else None)


def _of_all(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    """Return the outcome of a setting, from those of its seeds: the mean of those that finished."""
    ended = [outcome for outcome in outcomes if outcome is not None]
    if len(ended) < len(outcomes):
        return None
    for state in (State.FINISHED, State.PRUNED):
        alike = [outcome for outcome in ended if outcome.state is state and outcome.value is not None]
        if values := [outcome.value for outcome in alike if outcome.value is not None]:
            return Outcome(state, fmean(values), max((outcome.epochs or 1 for outcome in alike), default=None))
    return Outcome(State.FAILED)

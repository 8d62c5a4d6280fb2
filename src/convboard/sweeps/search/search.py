"""A search proposes the trials of a sweep one setting after the other, while workers ask for more.

A proposal is a function of the plan, of the settings before it, and of what was known of their outcomes; the last is
recorded with it (`history`). So nothing of a search is lost with a process: any worker can propose, and after a
kill the next one makes the proposal that was due. Several may propose at once: the block of trials is created once.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from convboard.errors import ConfigError
from convboard.sweeps.search.history import History
from convboard.sweeps.search.optuna_version import require_optuna
from convboard.sweeps.search.plan import SearchPlan, read_plan
from convboard.sweeps.search.space import Space
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial

_DRAWS = 100  # at random before a space is gone through in order
_MOST_REFUSED = 100  # settings in a row whose values are not possible together


class Search:
    """A search of a sweep.

    Args:
        sweep: The sweep.
        plan: The search.
    """

    def __init__(self, sweep: Sweep, plan: SearchPlan) -> None:
        self._sweep, self._plan = sweep, plan
        self._history = History(tuple(plan.space.dimensions))
        self._read = 0  # trials that the history has
        self._has_ended = False
        self._expect()

    @classmethod
    def open(cls, sweep: Sweep) -> "Search | None":
        """Return the search of a sweep; None if it has none.

        Raises:
            RunError: It cannot be read.
            ConfigError: Optuna is missing.
        """
        plan = read_plan(sweep.folder)
        if plan is None:
            return None
        require_optuna(sweep.record.options["search"])
        return cls(sweep, plan)

    def _expect(self) -> None:
        """Tell the sweep how many trials it will have; somebody may have raised the number since."""
        if not self._has_ended:
            self._sweep.expected = self._plan.total(self._sweep.record.options["max_trials"])

    def propose(self) -> bool:
        """Add the trials of a further setting to the sweep, unless another worker does it at the same time.

        Returns:
            Whether there are new trials; otherwise the search has ended.

        Raises:
            OSError: The folder of the sweep cannot be written.
        """
        trials = self._sweep.trials
        self._expect()
        if len(trials) >= self._sweep.expected:
            return False
        for number in range(self._read, len(trials)):
            self._history.add(trials[number])
        self._read = len(trials)
        outcomes = self._history.changes(self._sweep.journal, len(trials))
        proposed = proposal(self._plan, self._sweep.record, self._history.after(outcomes))
        if not proposed:
            self._has_ended, self._sweep.expected = True, len(trials)
            return False
        proposed[0] = replace(proposed[0], outcomes=outcomes)
        if not trials.add_block(proposed):
            trials.refresh()
        return True


def proposal(plan: SearchPlan, record: SweepRecord, history: History) -> list[Trial]:
    """Return the trials of the setting to try next; none if the space has no further one.

    Args:
        plan: What the search proposes from.
        record: Has its method and its seed.
        history: What it knows.
    """
    refused = 0
    for setting in _candidates(plan.space, record, history):
        if setting in history:
            continue
        try:
            return plan.trials(setting)
        except ConfigError:
            refused += 1
            if refused == _MOST_REFUSED:
                break
    return []


def _candidates(space: Space, record: SweepRecord, history: History) -> Iterator[dict[str, str]]:
    """Yield settings, the first choice first. Some were tried before, or are not possible."""
    number, seed = history.proposals, record.options["search_seed"]
    if record.options["search"] == "tpe":
        from convboard.sweeps.search.tpe import propose  # deferred: only here is Optuna needed

        yield propose(space, history.settings(), record.is_maximised, int(2**32 * fraction(seed, number, "tpe")))
    for draw in range(_DRAWS):
        yield space.at({key: fraction(seed, number, draw, key) for key in space.dimensions})
    if space.size is not None:
        start = int(fraction(seed, number, "start") * space.size)
        yield from (space[(start + step) % space.size] for step in range(space.size))


def fraction(*counters: object) -> float:
    """Return a random number from 0 to 1 exclusive that depends on the counters alone."""
    digest = blake2b(repr(counters).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53

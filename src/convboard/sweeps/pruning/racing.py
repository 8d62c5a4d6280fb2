"""Racing: in a search, the seeds of a setting are run one by one, and are not spent on a setting that is hopeless.

A setting is compared with the best one of which all seeds have finished, on the seeds that both have. In a grid, all
seeds of a setting may run at once. In both, none is run after another seed of the setting was pruned. Seeds that are
spared are pruned in the journal without having run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from convboard.config.objectives import sign_of
from convboard.sweeps.pruning.pruning import pruned_with
from convboard.sweeps.store.entries import CLAIMABLE, Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import SEED, Trial, setting_of

_P = 0.1  # of Optuna's WilcoxonPruner
_FEWEST = 2  # seeds after which a setting may be hopeless


def signed_rank_p(differences: Sequence[float]) -> float:
    """Return the one-sided p-value of Wilcoxon's signed-rank test, that differences are not below zero.

    It is exact, also with ties: the distribution of the sum of the ranks of the positive differences is counted over
    all signs. Differences of zero are left out. (Wilcoxon, Individual Comparisons by Ranking Methods, 1945)

    Args:
        differences: Of pairs, less than zero where the first one is worse.
    """
    sizes = sorted(abs(difference) for difference in differences if difference)
    ranks = {size: 2 * sizes.index(size) + sizes.count(size) + 1 for size in sizes}  # twice the mean rank of its ties
    positive = sum(ranks[difference] for difference in differences if difference > 0)
    ways = [1]  # by twice the sum of ranks
    for size in sizes:
        with_it = [0] * ranks[size] + ways
        ways = [more + fewer for more, fewer in zip(with_it, ways + [0] * ranks[size], strict=True)]
    return sum(ways[: positive + 1]) / sum(ways)


def is_hopeless(values: Mapping[str, float], best: Mapping[str, float], sign: int) -> bool:
    """Return whether no further seed is spent on a setting.

    That is so if Wilcoxon's test finds it worse than the best setting with p <= 0.1, which takes four seeds that are
    all worse. A setting with three or four seeds would never get there before its last one: of these it is hopeless if
    all but the last seed are worse, two or three. (Optuna's WilcoxonPruner has the same test)

    Args:
        values: The objective of the setting by seed, as far as it has finished.
        best: The objective of the best setting for each of its seeds.
        sign: 1 for an objective that is maximised, -1 for one that is minimised.
    """
    common = [seed for seed in values if seed in best]
    differences = [sign * (values[seed] - best[seed]) for seed in common]
    if len(common) < _FEWEST or fmean(differences) >= 0:
        return False
    return signed_rank_p(differences) <= max(_P, 2.0 ** (1 - len(best)))


@dataclass(eq=False)
class _Setting:
    states: dict[int, State] = field(default_factory=dict)  # of its trials
    values: dict[str, float] = field(default_factory=dict)  # of those that finished, by seed

    def note(self, trial: Trial, entries: Sequence[Entry]) -> None:
        last = entries[-1] if entries else Entry(State.WAITING)
        self.states[trial.number] = last.state
        if last.state is State.FINISHED and last.value is not None:
            self.values[trial.swept.get(SEED, "")] = last.value

    @property
    def is_whole(self) -> bool:
        return len(self.values) == len(self.states)


class Seeds:
    """Chooses which seeds of which settings are run.

    Args:
        sweep: The sweep.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._settings: dict[object, _Setting] = {}
        self._by_trial: list[_Setting] = []
        self._known = 0  # entries of the journal that are taken into account

    def spare(self, worker: str) -> list[int]:
        """Prune the waiting seeds of settings that are hopeless, or of which a seed was pruned.

        Args:
            worker: Who does it.

        Returns:
            The trials that were pruned.

        Raises:
            OSError: The folder cannot be written.
        """
        record, journal = self._sweep.record, self._sweep.journal
        if SEED not in record.swept or not (self._are_raced or record.options.get("pruner", "none") != "none"):
            return []
        changed, best, sign = self._update(), self._best(), sign_of(record.objective)
        spared = []
        for setting in self._settings.values() if self._are_raced else changed:
            reason = _reason(setting, best, sign)
            for number in setting.states if reason else ():
                is_new = not journal.entries(number)  # and not taken further by the user
                if is_new and journal.append(number, Entry(State.PRUNED, worker, reason)):
                    spared.append(number)
        return spared

    def claimable(self) -> Iterator[int]:
        """Yield the trials that may be claimed, the first choice first: in a race, one seed of a setting at a time."""
        if not self._are_raced:
            yield from self._sweep.journal.claimable(range(len(self._sweep.trials)))
            return
        self._update()
        for setting in self._settings.values():
            if State.RUNNING not in setting.states.values():
                yield from [number for number, state in setting.states.items() if state in CLAIMABLE][:1]

    @property
    def _are_raced(self) -> bool:
        record = self._sweep.record
        return record.options.get("search", "grid") != "grid" and SEED in record.swept

    def _best(self) -> _Setting | None:
        """Return the best setting of which all seeds have finished; None if there is none, or no race."""
        sign = sign_of(self._sweep.record.objective)
        whole = [setting for setting in self._settings.values() if setting.is_whole] if self._are_raced else []
        return max(whole, key=lambda setting: sign * fmean(setting.values.values()), default=None)

    def _update(self) -> list[_Setting]:
        """Take further trials and entries into account. Returns the settings that are concerned."""
        trials, journal = self._sweep.trials, self._sweep.journal
        numbers = [*range(len(self._by_trial), len(trials)), *journal.known[self._known :]]
        self._known = len(journal.known)
        for number in range(len(self._by_trial), len(trials)):
            self._by_trial.append(self._settings.setdefault(setting_of(trials[number]), _Setting()))
        for number in (number for number in numbers if number < len(trials)):
            self._by_trial[number].note(trials[number], journal.entries(number))
        return list(dict.fromkeys(self._by_trial[number] for number in numbers if number < len(trials)))


def _reason(setting: _Setting, best: _Setting | None, sign: int) -> str:
    """Return why no further seed of a setting is run; empty if one is."""
    if State.WAITING not in setting.states.values():
        return ""
    pruned = [number for number, state in setting.states.items() if state is State.PRUNED]
    if pruned:
        return pruned_with(pruned[0])
    if best is None or best is setting or not is_hopeless(setting.values, best.values, sign):
        return ""
    return f"{len(setting.values)} seeds of this setting are worse than those of the best one, trial {min(best.states)}"

"""The keys of a sweep itself, which are no part of the config of its runs."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from convboard.config.override_values import MOST_RUNS
from convboard.config.value_checks import between, check_minutes, one_of
from convboard.errors import ConfigError
from convboard.sweeps.backends.settings import BackendSettings
from convboard.sweeps.pruning.pruning import MedianRule, Pruner, SuccessiveHalving
from convboard.sweeps.workers.limits import Limits

# The keys of a single command. All others belong to the sweep, and are stored with it.
OF_A_COMMAND = (
    *("workers", "per_gpu", "resume", "retry", "trust", "join", "changed", "dry_run", "promote"),
    *("backend", "submission", "watch", "cancel"),
)
# Those that a command that resumes the sweep may change.
MAY_CHANGE = ("max_trials", "on_failure", "max_minutes", "trial_minutes", "hang_minutes")
SEARCHES = ("grid", "random", "tpe")
PRUNERS = ("none", "asha", "median")
_OF_PRUNERS = {"prune_after": ("asha", "median"), "reduction_factor": ("asha",), "prune_min_trials": ("median",)}
# What `retry` and `promote` take beside numbers, and what is true of the trials that they take, or of another one.
_WORDS = {
    "retry": ("failed, none, or ", "failed", "has not failed"),
    "promote": ("", "were pruned", "was not pruned"),
}
_MOST_WORKERS = 1024
ON_FAILURE = ("continue", "stop")
_FOLDERS = ("resume", "join", "watch", "cancel")  # of a sweep that exists
# A run gives a sign of progress every 5 s.
_LEAST_MINUTES = {"max_minutes": 0.01, "trial_minutes": 0.01, "hang_minutes": 0.2}
_MOST_SEEDS = 1000


@dataclass
class SweepOptions:
    """How a sweep is run. The files in `conf/sweep` choose among the ways to search.

    Attributes:
        search: How values are chosen: grid tries every combination, random draws them, and tpe learns from the results.
            sweep=random and sweep=tpe choose it with its settings.
        trials: Values that belong together: the path of a CSV or YAML file with a row for each run, or a list of rows
            such as [{optimizer.lr:0.1,batch_size:32}].
        max_trials: Number of runs of sweep=random or sweep=tpe.
        search_seed: Determines what sweep=random and sweep=tpe choose.
        workers: Number of runs at the same time; None: one on each GPU, or on a CPU one for each core.
        per_gpu: Number of runs at the same time on each GPU; None: one.
        resume: Folder of a sweep to go on with: what has finished is not run again.
        seeds: Number of seeds with which every setting is run, to be judged by the mean: the config's own seed and
            those that follow it. A search spends no further seed on a setting that is worse than the best.
        promote: Pruned runs of that sweep to take further, by their numbers, as in 7,9. They are not pruned again.
        retry: Failed runs of that sweep to try again: failed for all, none, or their numbers, as in 3,7.
        on_failure: continue: when a run fails, the others go on; stop: no further run is started, and those that are
            being trained are saved.
        max_minutes: Minutes after which the sweep stops, with the runs that are being trained saved; None: no limit.
        trial_minutes: Minutes after which a run that is not done has failed; None: no limit.
        hang_minutes: Minutes without a step, or a batch of an evaluation, after which a run has failed; None: no limit.
        pruner: Whether runs that are worse than others are ended early: none, asha for asynchronous successive halving,
            or median: those whose best value is worse than the median of the others.
        prune_after: Number of epochs after which asha compares runs for the first time, and median prunes.
        reduction_factor: asha lets one in reduction_factor runs go on, and compares them again after reduction_factor
            times as many epochs.
        prune_min_trials: Number of runs that must have finished before median prunes one.
        dry_run: Show the runs and check each as far as its first step, but start none; also as --dry-run.
        backend: What starts the workers, chosen by sweep/backend=slurm, for instance; see conf/sweep/backend.
        watch: Folder of a sweep to look at while others train its runs, here or on other machines.
        cancel: Folder of a sweep whose workers are all asked to save and end.
        submission: What a backend gives to the workers that it starts.
        trust: Go on with a sweep that somebody else has made although it names code that is not convboard's own.
        join: Folder of a sweep to train runs of beside those who do so already, here or on another machine.
        changed: What to do if code, versions or data have changed since the sweep began: refuse; keep, if only code of
            the user's own has, to train with the copy that the sweep has of it; or accept the change.
    """

    search: str = "grid"
    trials: str | None = None
    max_trials: int | None = None
    search_seed: int = 0
    workers: int | None = None
    per_gpu: int | None = None
    resume: str | None = None
    retry: str = "failed"
    on_failure: str = "continue"
    max_minutes: float | None = None
    trial_minutes: float | None = None
    hang_minutes: float | None = 60.0
    seeds: int | None = None
    promote: str | None = None
    pruner: str = "none"
    prune_after: int = 1
    reduction_factor: int = 3
    prune_min_trials: int = 4
    trust: bool = False
    join: str | None = None
    changed: str = "refuse"
    dry_run: bool = False
    backend: BackendSettings = field(default_factory=BackendSettings)
    watch: str | None = None
    cancel: str | None = None
    submission: int | None = None

    def __post_init__(self) -> None:
        one_of("sweep.search", self.search, SEARCHES)
        between("sweep.max_trials", self.max_trials, 1, MOST_RUNS)
        between("sweep.search_seed", self.search_seed, 0)
        between("sweep.workers", self.workers, 1, _MOST_WORKERS)
        between("sweep.per_gpu", self.per_gpu, 1, _MOST_WORKERS)
        one_of("sweep.changed", self.changed, ("refuse", "accept", "keep"))
        one_of("sweep.on_failure", self.on_failure, ON_FAILURE)
        for key, least in _LEAST_MINUTES.items():
            check_minutes(f"sweep.{key}", getattr(self, key), least)
        between("sweep.submission", self.submission, 0)
        for key in _FOLDERS:
            if getattr(self, key) == "":
                raise ConfigError(f"sweep.{key}= has no value. Give the folder of a sweep, or omit it.")
        one_of("sweep.pruner", self.pruner, PRUNERS)
        between("sweep.seeds", self.seeds, 1, _MOST_SEEDS)
        between("sweep.prune_after", self.prune_after, 1)
        between("sweep.reduction_factor", self.reduction_factor, 2)
        between("sweep.prune_min_trials", self.prune_min_trials, 1)
        for key, pruners in _OF_PRUNERS.items():
            if self.pruner not in pruners and (value := getattr(self, key)) != getattr(SweepOptions, key):
                raise ConfigError(
                    f"sweep.{key}={value} has no meaning for sweep.pruner={self.pruner}: it belongs to "
                    f"{' and '.join(f'sweep.pruner={pruner}' for pruner in pruners)}. Omit it, or choose that."
                )

    def shared(self) -> dict[str, Any]:
        """Return the keys that belong to the sweep, so that all who go on with it or join it use the same."""
        return {key: value for key, value in asdict(self).items() if key not in OF_A_COMMAND}

    def limits(self) -> Limits:
        """Return what ends trials, or the sweep, early."""
        return Limits(self.on_failure == "stop", self.max_minutes, self.trial_minutes, self.hang_minutes)

    def trials_to_retry(self, failed: Sequence[int], trials: int) -> list[int]:
        """Return the trials to try again.

        Args:
            failed: Those that have failed.
            trials: Number of trials of the sweep.

        Raises:
            ConfigError: `retry` names one that has not.
        """
        if self.retry in ("failed", "none"):
            return list(failed) if self.retry == "failed" else []
        return _numbers("retry", self.retry, failed, trials)

    def trials_to_promote(self, pruned: Sequence[int], trials: int) -> list[int]:
        """Return the pruned trials to take further.

        Args:
            pruned: Those that were pruned.
            trials: Number of trials of the sweep.

        Raises:
            ConfigError: `promote` names one that was not.
        """
        return [] if self.promote is None else _numbers("promote", self.promote, pruned, trials)

    def check_epochs(self, most: int) -> None:
        """Check that trials can be pruned.

        Args:
            most: Number of epochs of the longest trial.

        Raises:
            ConfigError: Each would have ended before.
        """
        if self.pruner != "none" and most <= self.prune_after:
            raise ConfigError(
                f"sweep.pruner={self.pruner} would prune nothing: with trainer.max_epochs={most} no run is longer than "
                f"sweep.prune_after={self.prune_after}. Give more epochs, or omit sweep.pruner."
            )

    def build_pruner(self, objective: str) -> Pruner | None:
        """Return the rule by which trials are pruned, if they are.

        Args:
            objective: The metric by which they are compared.
        """
        match self.pruner:
            case "asha":
                return SuccessiveHalving(objective, self.prune_after, self.reduction_factor)
            case "median":
                return MedianRule(objective, self.prune_after, self.prune_min_trials)
        return None


def _numbers(key: str, given: str, allowed: Sequence[int], trials: int) -> list[int]:
    """Read the numbers of trials that `retry` or `promote` gives.

    Args:
        key: That key of the sweep.
        given: Its value.
        allowed: The trials that can be given.
        trials: Number of trials of the sweep.

    Raises:
        ConfigError: One of them is not allowed.
    """
    words, did, state = _WORDS[key]
    numbers = re.findall(r"[^,\[\] ]+", given) or [""]
    listed = ", ".join(map(str, allowed))
    advice = f"Those that {did}: {listed}." if allowed else f"None {did}."
    for number in numbers:
        if not number.isdecimal():
            raise ConfigError(f"sweep.{key}={given}: must be {words}numbers of trials, such as {key}=0,2. {advice}")
        if int(number) >= trials:
            there = f"they are 0 to {trials - 1}" if trials > 1 else "the only one is 0" if trials else "there is none"
            raise ConfigError(f"sweep.{key}={given}: there is no trial {number} ({there}). {advice}")
        if int(number) not in allowed:
            raise ConfigError(f"sweep.{key}={given}: trial {number} {state}. {advice}")
    return list(dict.fromkeys(map(int, numbers)))

"""The code that the trials of a sweep name: it is run only if the user has named it himself, or trusts the sweep."""

import json
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from convboard.config.compose import parse_overrides
from convboard.config.instantiate import target_names
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.config.trusted_targets import are_usual
from convboard.experiment.option_file import options
from convboard.experiment.run_dir import refuse_foreign
from convboard.experiment.trusted_runs import remember
from convboard.sweeps.grid import values_of
from convboard.sweeps.store.trials import Trial

ADVICE = ": sweep.trust=true."
_TRUSTED = "CONVBOARD_TRUSTED"  # for the processes of this command, also if there is no folder to remember it in


def trust_trials(folder: Path, trials: Iterable[Trial]) -> None:
    """Remember that the user trusts the code of trials, for this folder and in the current folder.

    Args:
        folder: The folder of their sweep.
        trials: The trials.
    """
    names = {name for trial in _different(trials) for name in _named(trial)}
    if names:  # whether some are convboard's own after all does not matter: torch is not imported to find out
        remember(folder, names)
        os.environ[_TRUSTED] = json.dumps([str(folder), sorted({*names, *_of_this_command(folder)})])


def refuse_untrusted(folder: Path, trials: Iterable[Trial], trusted: Collection[str] = ()) -> None:
    """Refuse trials that name code which is not convboard's own, unless the user trusts it or has trusted it before.

    Args:
        folder: The folder of their sweep.
        trials: The trials.
        trusted: The names of the code that he trusts.

    Raises:
        RunError: He does not.
    """
    trusted = {*trusted, *_of_this_command(folder)}
    for trial in _different(trials):
        if not _named(trial) <= trusted:
            config = TrainConfig.from_dict(trial.config)
            refuse_foreign(folder, config, trusted=trusted, advice=ADVICE)


def named_by_user(overrides: Sequence[str]) -> set[str]:
    """Return the names of the code that the user names himself: in overrides, and in the options of his own `conf/`.

    Args:
        overrides: What he gives.
    """
    of_options = [content for group in (*OPEN_GROUPS, "experiment") for _, content, _ in options(group).values()]
    given = {override.get_key_element(): override for override in parse_overrides(overrides)}
    return {name for content in of_options for name in target_names(content)} | {
        value.strip("'\"") for key, one in given.items() if key.endswith("_target_") for value in values_of(key, one)
    }


def _of_this_command(folder: Path) -> list[str]:
    """Return the names that this command trusts in a folder, or the one that has started this process."""
    trusted_in, names = json.loads(os.environ.get(_TRUSTED, '["", []]'))
    return list(names) if trusted_in == str(folder) else []


def _named(trial: Trial) -> set[str]:
    """Return the names in the config of a trial, without the parts that are known to be convboard's own."""
    nodes = [(group, trial.config.get(group)) for group in OPEN_GROUPS]
    return {name for group, node in nodes if not are_usual(group, node) for name in target_names(node)}


def _different(trials: Iterable[Trial]) -> Iterable[Trial]:
    """Return one trial of those that run the same code."""
    return {
        tuple(name for group in OPEN_GROUPS for name in (group, *target_names(trial.config.get(group)))): trial
        for trial in trials
    }.values()

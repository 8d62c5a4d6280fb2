"""The trials that further values add to a sweep."""

import json
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from convboard.config.command_line import argument_of, format_value
from convboard.config.compose import parse_overrides
from convboard.config.override_values import refuse_too_many_runs
from convboard.errors import ConfigError, RunError
from convboard.sweeps.composed_trials import compose_trials
from convboard.sweeps.grid import Setting, grid
from convboard.sweeps.seeds import first_seeds_first
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial, with_threads
from convboard.sweeps.trial_plans import PLAN_KEYS, kind, with_chosen_keys

ACCEPT = "sweep.changed=accept"
_NO_VALUES = ("hydra.", "objective=")  # the beginnings of arguments that give no further values
_THREADS = "trainer.threads"
_SHOWN = 5  # keys in a message


def further_trials(sweep: Sweep, overrides: Sequence[str], accept: bool) -> list[Trial]:
    """Return the trials that a sweep lacks: each of its settings, with the given values in the place of its own.

    Each has the number of threads of the others, and the plan of its kind. If its kind is new, its plan is still open.

    Args:
        sweep: The sweep.
        overrides: The further values, as in `["seed=4,5"]`.
        accept: Whether trials may be added although the same command would give other configs now.

    Raises:
        ConfigError: A trial cannot be.
        RunError: The options in conf/ have changed, and `accept` is not given.
    """
    keys = {override.get_key_element() for override in parse_overrides(overrides)}
    for override in overrides:
        if override.startswith(_NO_VALUES):
            raise ConfigError(
                f"{argument_of(override)} cannot be used with sweep.resume=: it is the same for all runs of a sweep."
            )
    if not accept:
        _refuse_other_configs(sweep)
    added = _added_keys(sweep)
    omitted = keys | added
    rest = [[text for text in trial.overrides if _key(text) not in omitted] for trial in sweep.trials]
    bases = list(dict.fromkeys(map(tuple, rest)))
    refuse_too_many_runs(overrides, len(bases))
    swept = [*sweep.record.swept, *sorted(keys - set(sweep.record.swept))]
    settings = [_with_swept(setting, swept) for base in bases for setting in grid([*base, *overrides])]
    known = {_plain(trial.swept) for trial in sweep.trials}
    missing: dict[str, Setting] = {}
    for setting in settings:
        missing.setdefault(_plain(setting.swept), setting)  # its values name the folder of a trial
    trials = compose_trials([setting for name, setting in missing.items() if name not in known])
    _refuse_other_objective(sweep, trials)
    trials = _executed_alike(sweep, trials, added)
    known = {_plain(trial.config) for trial in sweep.trials}
    return first_seeds_first([trial for trial in trials if _plain(trial.config) not in known])


def _added_keys(sweep: Sweep) -> set[str]:
    """Return the keys that the sweep itself, and not the user, may have set in its trials: threads and plan."""
    given = {_key(argument) for argument in shlex.split(sweep.record.command)}
    return {_THREADS, *(f"trainer.{key}" for key in PLAN_KEYS)} - given - {*sweep.record.swept}


def _executed_alike(sweep: Sweep, trials: Sequence[Trial], added: Collection[str]) -> list[Trial]:
    """Give trials the number of threads and, where their kind is known, the plan that the sweep has chosen."""
    threads, plans = None, dict[str, dict[str, Any]]()
    for trial in sweep.trials:
        trainer = trial.config["trainer"]
        chosen = {_key(text).removeprefix("trainer.") for text in trial.overrides if _key(text) in added}
        if "threads" in chosen:
            threads = trainer["threads"]
        plans.setdefault(kind(trial), {key: trainer[key] for key in PLAN_KEYS if key in chosen})
    trials = [with_threads(trial, threads) for trial in trials]
    return [with_chosen_keys(trial, plans.get(kind(trial), {})) for trial in trials]


def _refuse_other_objective(sweep: Sweep, trials: Sequence[Trial]) -> None:
    """Refuse trials that an option has given another objective than the sweep's.

    Raises:
        ConfigError: One has it.
    """
    for trial in trials:
        if (objective := trial.config["objective"]) != sweep.record.objective:
            raise ConfigError(
                f"trial {trial.name}: objective={objective} is not {sweep.record.objective}, by which the trials of "
                f"{sweep.folder} are compared. Start a new sweep for it."
            )


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _plain(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _with_swept(setting: Setting, keys: Sequence[str]) -> Setting:
    """Return a setting that is told apart by these keys, in this order, also where it is given one value only."""
    values = {key: value for key, _, value in (text.partition("=") for text in setting.overrides)}
    return replace(setting, swept={key: values[key] for key in keys if key in values})


def _refuse_other_configs(sweep: Sweep) -> None:
    """Refuse to add trials to those whose command lines would give other configs now.

    Raises:
        RunError: They would.
    """
    composed = compose_trials([Setting(trial.overrides, trial.swept) for trial in sweep.trials])
    for trial, today in zip(sweep.trials, composed, strict=True):
        found = list(_differences("", trial.config, json.loads(_plain(today.config))))
        if found:
            more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise RunError(
                f"{sweep.folder}: the options in conf/, or the current folder, are not those of the sweep. Its trial "
                f"{trial.name} would differ now:\n  " + "\n  ".join(found[:_SHOWN]) + more + "\nThe further runs could "
                "not be compared with it. Restore the options, or start a new sweep. To add them all the same, "
                f"add {ACCEPT} to the command."
            )


def _differences(key: str, then: object, now: object) -> Iterator[str]:
    """Describe how a part of a config differs from the same part of another one."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            yield from _differences(f"{key}.{name}" if key else str(name), then.get(name), now.get(name))
    elif then != now:
        yield f"{key} was {format_value(then)}, and is {format_value(now)} now"

"""The trials that further values add to a sweep."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from convboard.config.command_line import format_value
from convboard.config.compose import parse_overrides
from convboard.config.override_values import refuse_too_many_runs
from convboard.errors import ConfigError, RunError
from convboard.sweeps.composed_trials import compose_trials
from convboard.sweeps.grid import Setting, grid
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial

ACCEPT = "sweep.changed=accept"
_NO_VALUES = ("hydra.", "objective=")  # the beginnings of arguments that give no further values
_SHOWN = 5  # keys in a message


def further_trials(sweep: Sweep, overrides: Sequence[str], accept: bool) -> list[Trial]:
    """Return the trials that a sweep lacks: each of its settings, with the given values in the place of its own.

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
            raise ConfigError(f"{override} cannot be used with sweep.resume=: it is the same for all runs of a sweep.")
    if not accept:
        _refuse_other_configs(sweep)
    rest = [[text for text in trial.overrides if text.partition("=")[0] not in keys] for trial in sweep.trials]
    bases = list(dict.fromkeys(map(tuple, rest)))
    refuse_too_many_runs(overrides, len(bases))
    swept = {*sweep.record.swept, *keys}
    settings = [_with_swept(setting, swept) for base in bases for setting in grid([*base, *overrides])]
    known = {_plain(trial.swept) for trial in sweep.trials}
    trials = compose_trials([setting for setting in settings if _plain(setting.swept) not in known])
    known = {_plain(trial.config) for trial in sweep.trials}
    return [trial for trial in trials if _plain(trial.config) not in known]


def _plain(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _with_swept(setting: Setting, keys: set[str]) -> Setting:
    """Return a setting that is told apart by these keys, also where it is given one value only."""
    values = (text.partition("=") for text in setting.overrides)
    return replace(setting, swept={key: value for key, _, value in values if key in keys})


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
                "not be compared with it. Restore the options, or start a new sweep. To add them all the same: "
                f"{ACCEPT}"
            )


def _differences(key: str, then: object, now: object) -> Iterator[str]:
    """Describe how a part of a config differs from the same part of another one."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            yield from _differences(f"{key}.{name}" if key else str(name), then.get(name), now.get(name))
    elif then != now:
        yield f"{key} was {format_value(then)}, and is {format_value(now)} now"

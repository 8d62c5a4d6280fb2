"""A sweep that exists already: resumed, with further values if some are given, or joined by another worker."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convboard.config.command_line import format_value
from convboard.config.compose import parse_overrides
from convboard.config.override_values import refuse_too_many_runs
from convboard.errors import ConfigError, RunError
from convboard.sweeps.grid import Setting, grid
from convboard.sweeps.journal import CLAIMABLE, State
from convboard.sweeps.liveness import Observer
from convboard.sweeps.losses import forget_losses, interrupt_lost
from convboard.sweeps.new_sweep import compose_trials, trust_trials
from convboard.sweeps.provenance import Provenance, changes, provenance_of, trust_copy
from convboard.sweeps.search_plan import read_examples, refuse_to_change
from convboard.sweeps.sweep_folder import Sweep
from convboard.sweeps.sweep_options import MAY_CHANGE, SweepOptions, given_keys
from convboard.sweeps.sweep_record import SweepRecord
from convboard.sweeps.trials import Trial

_OF_JOINING = ("join", "workers", "per_gpu", "trust", "changed")
_ACCEPT = "sweep.changed=accept"
_NO_VALUES = ("hydra.", "objective=")  # the beginnings of arguments that give no further values
_OPEN = (*CLAIMABLE, State.RUNNING)
_SHOWN = 5  # keys in a message


def join_sweep(options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str]) -> Sweep:
    """Open a sweep of which this process becomes a further worker. Nothing is added to it or tried again.

    Args:
        options: The keys of this command; `join` is the folder.
        overrides: The arguments that describe trials; none are allowed.
        arguments: All arguments.

    Raises:
        ConfigError: Another argument is given than a worker has.
        ConvboardError: There is no sweep, or this worker would not train as the others do.
    """
    others = [f"sweep.{key}" for key in given_keys(arguments) if key not in _OF_JOINING] + list(overrides)
    if others:
        raise ConfigError(
            f"{others[0]} cannot be used with sweep.join=, which trains runs of a sweep and changes nothing else in "
            f"it. Omit it, or change the sweep with sweep.resume={options.join}."
        )
    sweep = _opened(options.join or "", options)
    _changed(sweep, options, with_own_code=False)
    return sweep


@dataclass
class Resumption:
    """What it takes to go on with a sweep. Nothing is written before `apply`.

    Attributes:
        sweep: The sweep.
        further: The trials of further values.
        failed: The trials that have failed and are tried again.
        pruned: The trials that were pruned and are taken further.
        keys: The keys of the sweep itself that are changed.
        provenance: The code and the data of now, if they have changed or are those of further trials.
    """

    sweep: Sweep
    further: Sequence[Trial]
    failed: Sequence[int]
    pruned: Sequence[int]
    keys: Mapping[str, Any]
    provenance: Provenance | None

    def todo(self) -> list[Trial]:
        """Return the trials that have not ended, with those that would be added or tried again."""
        sweep = self.sweep
        numbers = [trial.number for trial in sweep.trials if sweep.journal.state(trial.number) in _OPEN]
        added = [replace(trial, number=len(sweep.trials) + place) for place, trial in enumerate(self.further)]
        return [*(sweep.trials[number] for number in sorted({*numbers, *self.failed, *self.pruned})), *added]

    def apply(self) -> None:
        """Add the trials of further values, and let what was lost or has failed wait again.

        Raises:
            OSError: The folder cannot be written.
        """
        sweep = self.sweep
        sweep.remove_leftovers()
        if self.provenance is not None:
            self.provenance.keep_sources(sweep.folder)
        sweep.trials.add(self.further)
        if self.further:
            trust_trials(sweep, True)  # the user has named their code; that of the others was trusted before
        sweep.revise(lambda record: _revised(record, self.further, self.keys, self.provenance))
        interrupt_lost(sweep.journal, Observer(sweep.workers))
        forget_losses(sweep.journal, range(len(sweep.trials)))
        sweep.retry(self.failed)
        sweep.promote(self.pruned)


def resume_sweep(options: SweepOptions, overrides: Sequence[str], arguments: Sequence[str]) -> Resumption:
    """Open a sweep to go on with, and find out what that takes. Other workers may run its trials meanwhile.

    Args:
        options: The keys of this command; `resume` is the folder.
        overrides: Further values.
        arguments: All arguments.

    Raises:
        ConfigError: A further trial cannot be, or a key cannot be changed.
        ConvboardError: There is no sweep; or code, data or configs have changed, and the user has not accepted it.
    """
    sweep = _opened(options.resume or "", options)
    keys = _changed_keys(sweep.record, options, given_keys(arguments))
    refuse_to_change(sweep, overrides, keys)
    now = _changed(sweep, options, with_own_code=options.changed != "keep")
    numbers = range(len(sweep.trials))
    failed = options.trials_to_retry(sweep.journal.failed(numbers))
    pruned = options.trials_to_promote(sweep.journal.in_state(State.PRUNED, numbers))
    further = further_trials(sweep, overrides, options.changed == "accept") if overrides else []
    if further and options.changed != "keep":
        now = provenance_of([*sweep.trials, *further], resumed=True)
    return Resumption(sweep, further, failed, pruned, keys, now)


def _opened(folder: str, options: SweepOptions) -> Sweep:
    sweep = Sweep.open(Path(folder))
    sweep.examples = read_examples(sweep.folder)
    trust_trials(sweep, options.trust)
    if options.trust:
        trust_copy(sweep)
    return sweep


def _changed(sweep: Sweep, options: SweepOptions, with_own_code: bool) -> Provenance | None:
    """Return the code and the data of now if they have changed and the user accepts it; None if nothing has changed.

    Raises:
        RunError: They have changed, and he does not.
    """
    now = provenance_of(sweep.representatives, resumed=True)
    found = changes(sweep, now, with_own_code)
    if found and options.changed != "accept":
        keeps = with_own_code and not changes(sweep, now, with_own_code=False)
        copy = "To go on with the copy that the sweep has of your own code: sweep.changed=keep\n" if keeps else ""
        raise RunError(
            f"{sweep.folder}: what its runs are trained with has changed, so that they could not be compared:\n  "
            + "\n  ".join(found)
            + f"\nRestore it, or start a new sweep. {copy}To go on with what is there now: {_ACCEPT}"
        )
    return now if found else None


def _changed_keys(record: SweepRecord, options: SweepOptions, given: Sequence[str]) -> dict[str, Any]:
    """Return the keys of the sweep itself that a command line changes.

    Raises:
        ConfigError: They cannot be changed.
    """
    wanted = options.shared()
    keys = wanted if "sweep" in given else [key for key in given if key in wanted]
    changed = {key: wanted[key] for key in keys if record.options.get(key) != wanted[key]}
    for key in changed:
        if key not in MAY_CHANGE:
            raise ConfigError(
                f"sweep.{key}={format_value(wanted[key])}: it is {format_value(record.options.get(key))} in "
                f"{options.resume}, which keeps it. Only {', '.join(MAY_CHANGE)} can be changed. Omit it, or start a "
                "new sweep."
            )
    return changed


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
                f"{_ACCEPT}"
            )


def _differences(key: str, then: object, now: object) -> Iterator[str]:
    """Describe how a part of a config differs from the same part of another one."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*then, *now]):
            yield from _differences(f"{key}.{name}" if key else str(name), then.get(name), now.get(name))
    elif then != now:
        yield f"{key} was {format_value(then)}, and is {format_value(now)} now"


def _revised(
    record: SweepRecord, further: Sequence[Trial], keys: Mapping[str, Any], now: Provenance | None
) -> SweepRecord:
    """Return the record of a sweep after trials were added, keys were changed, or other code or data were accepted."""
    swept = tuple(dict.fromkeys([*record.swept, *(key for trial in further for key in trial.swept)]))
    record = replace(record, swept=swept, options={**record.options, **keys})
    if now is None:
        return record
    return replace(record, environment=now.environment, sources=now.sources_name, data=now.data)

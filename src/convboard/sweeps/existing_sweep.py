"""A sweep that exists already: resumed, with further values if some are given, or joined by another worker."""

import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convboard.config.command_line import argument_of, command, format_value
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import shown_path
from convboard.files import machine
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.command_options import given_keys
from convboard.sweeps.further_trials import further_trials
from convboard.sweeps.search.optuna_version import optuna_version, require_optuna
from convboard.sweeps.search.plan import read_examples, read_plan, refuse_to_change
from convboard.sweeps.store.entries import CLAIMABLE, State
from convboard.sweeps.store.liveness import Observer, host_of
from convboard.sweeps.store.losses import forget_losses, interrupt_lost
from convboard.sweeps.store.provenance import Provenance, changes, provenance_of, trust_copy
from convboard.sweeps.store.submissions import prove_folder
from convboard.sweeps.store.sweep_folder import Sweep, refuse_unshared
from convboard.sweeps.store.sweep_record import SweepRecord, read_record
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import MAY_CHANGE, SweepOptions
from convboard.sweeps.trust import named_by_user, refuse_untrusted, trust_trials

_OF_JOINING = ("join", "workers", "per_gpu", "trust", "changed", "backend", "submission")
_OPEN = (*CLAIMABLE, State.RUNNING)


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
    others = [f"sweep.{key}" for key in given_keys(arguments) if key not in _OF_JOINING] + list(
        map(argument_of, overrides)
    )
    if others:
        raise ConfigError(
            f"{others[0]} cannot be used with sweep.join=, which trains runs of a sweep and changes nothing else in "
            f"it. Omit it, or change the sweep with sweep.resume={options.join}."
        )
    if options.submission is not None:
        prove_folder(Path(options.join or ""), options.submission)
    sweep = _opened(options.join or "", options)
    _changed(sweep, options, arguments, with_own_code=False)
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

    def proposed(self) -> int:
        """Return the number of trials that a search would still propose."""
        plan, options = read_plan(self.sweep.folder), {**self.sweep.record.options, **self.keys}
        return max(0, plan.total(options["max_trials"]) - len(self.sweep.trials)) if plan else 0

    def apply(self) -> None:
        """Add the trials of further values, and let what was lost or has failed wait again.

        Raises:
            OSError: The folder cannot be written.
        """
        sweep = self.sweep
        sweep.remove_leftovers()
        if self.provenance is not None:
            self.provenance.keep_sources(sweep.folder)
        trust_trials(sweep.folder, self.further)
        sweep.revise(lambda record: _revised(record, self.further, self.keys, self.provenance))
        sweep.trials.add(self.further)  # after all that belongs to them: it is whole also if this is killed in between
        interrupt_lost(sweep.journal, Observer(sweep.workers))
        forget_losses(sweep.journal, range(len(sweep.trials)))
        sweep.retry(self.failed)
        sweep.promote(self.pruned)
        sweep.journal.compact()


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
    require_optuna(sweep.record.options.get("search", "grid"))
    keys = _changed_keys(sweep.record, options, given_keys(arguments))
    refuse_to_change(sweep, overrides, keys)
    now = _changed(sweep, options, arguments, with_own_code=options.changed != "keep")
    numbers = range(len(sweep.trials))
    failed = options.trials_to_retry(sweep.journal.failed(numbers), len(numbers))
    pruned = options.trials_to_promote(sweep.journal.in_state(State.PRUNED, numbers), len(numbers))
    further = further_trials(sweep, overrides, options.changed == "accept") if overrides else []
    if not options.trust:
        refuse_untrusted(sweep.folder, further, named_by_user(overrides))
    if further and options.changed != "keep":
        trials = [*sweep.trials, *further]
        now = provenance_of(trials, resumed=True, device=_device(trials, options))
    return Resumption(sweep, further, failed, pruned, keys, now)


def _device(trials: Sequence[Trial], options: SweepOptions) -> str | None:
    """Return the type of device of the workers that are started elsewhere; None for this machine."""
    if not isinstance(options.backend, RemoteSettings):
        return None
    return options.backend.device({str(trial.config["trainer"]["device"]) for trial in trials})


def _opened(folder: str, options: SweepOptions) -> Sweep:
    path = Path(folder)
    _refuse_other_format(path)
    sweep = Sweep.open(path)
    _refuse_copy(sweep)
    if not options.dry_run:
        refuse_unshared(sweep.folder, sweep.folder, "While nobody trains its runs, move it to {}.")
    sweep.examples = read_examples(sweep.folder)
    if options.trust:
        trust_trials(sweep.folder, sweep.representatives)
        trust_copy(sweep)
    else:
        refuse_untrusted(sweep.folder, sweep.representatives)
    return sweep


def _refuse_other_format(folder: Path) -> None:
    """Refuse a sweep of a version of convboard whose sweeps have other keys.

    Raises:
        RunError: It is of such a version.
    """
    record = read_record(folder)
    others = sorted(record.options.keys() ^ SweepOptions().shared().keys())
    if others:
        made_by = record.environment.get("convboard", "another version")
        raise RunError(
            f"{folder} was made by convboard {made_by}, and this is {version('convboard')}: only one of them knows "
            f"sweep.{others[0]}. Go on with it in the version that has made it, or start a new sweep."
        )


def _refuse_copy(sweep: Sweep) -> None:
    """Refuse a copy of a folder in which workers of this machine train runs: they would be trained twice.

    Raises:
        RunError: It is a copy.
    """
    observer = Observer(sweep.workers)
    for _, worker_id in sweep.journal.running():
        worker = observer.worker(worker_id) if host_of(worker_id) == socket.gethostname() else None
        if worker is None or worker.machine != machine() or observer.is_dead(worker_id):
            continue
        original = Path(worker.folder)
        if original.exists() and not original.samefile(sweep.workers):
            raise RunError(
                f"{sweep.folder} is a copy of {original.parent}, whose runs {worker_id} is training. Give the original "
                "instead."
            )


def _changed(sweep: Sweep, options: SweepOptions, arguments: Sequence[str], with_own_code: bool) -> Provenance | None:
    """Return the code and the data of now if they have changed and the user accepts it; None if nothing has changed.

    Raises:
        RunError: They have changed, and he does not.
    """
    now = provenance_of(sweep.representatives, resumed=True, device=_device(sweep.representatives, options))
    found = changes(sweep, now, with_own_code)
    if found and options.changed != "accept":
        keeps = with_own_code and not changes(sweep, now, with_own_code=False)
        again = [shlex.quote(argument_of(argument)) for argument in arguments if "sweep.changed=" not in argument]
        keep, accept = (command("train", "-m", *again, f"sweep.changed={value}") for value in ("keep", "accept"))
        copy = f"To go on with the copy that the sweep has of your own code: {keep}\n" if keeps else ""
        raise RunError(
            f"{shown_path(sweep.folder)}: what its runs are trained with has changed, so that they could not be "
            "compared:\n  "
            + "\n  ".join(found)
            + f"\nRestore it, or start a new sweep.\n{copy}To go on with what is there now: {accept}"
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
            names = ", ".join(f"sweep.{name}" for name in MAY_CHANGE)
            advice = " To add seeds, write them, as in seed=3,4." if key == "seeds" else ""
            raise ConfigError(
                f"sweep.{key}={format_value(wanted[key])}: it is {format_value(record.options.get(key))} in "
                f"{options.resume}, which keeps it. Only {names} can be changed. Omit it, or start a new sweep.{advice}"
            )
    return changed


def _revised(
    record: SweepRecord, further: Sequence[Trial], keys: Mapping[str, Any], now: Provenance | None
) -> SweepRecord:
    """Return the record of a sweep after trials were added, keys were changed, or other code or data were accepted."""
    swept = tuple(dict.fromkeys([*record.swept, *(key for trial in further for key in trial.swept)]))
    record = replace(record, swept=swept, options={**record.options, **keys})
    if now is None:
        return record
    environment = {**now.environment, **optuna_version(record.options["search"])}
    return replace(record, environment=environment, sources=now.sources_name, data=now.data)

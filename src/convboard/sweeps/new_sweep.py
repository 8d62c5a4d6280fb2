"""A new sweep, from its command line: every trial is composed and checked before anything starts."""

import errno
import json
import os
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.config.command_line import argument_of, command
from convboard.config.compose import parse_overrides, run_id
from convboard.errors import ConfigError
from convboard.files import check_writable
from convboard.sweeps.search.optuna_version import optuna_version
from convboard.sweeps.store.provenance import provenance_of
from convboard.sweeps.store.sweep_folder import Sweep, refuse_existing, refuse_unshared
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, folder_name
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.trust import trust_trials

_FOLDER = "hydra.sweep.dir"


def without_repeated(trials: Sequence[Trial]) -> tuple[list[Trial], str]:
    """Keep one of those trials that are the same run.

    Returns:
        The others, numbered anew, and a sentence on what was left out; empty if nothing was.
    """
    kept: dict[str, Trial] = {}
    repeated = []
    for trial in trials:
        run = json.dumps(trial.config, sort_keys=True)
        if run in kept:
            repeated.append(trial)
        else:
            kept[run] = replace(trial, number=len(kept), folder=folder_name(trial.swept))
    if not repeated:
        return list(kept.values()), ""
    of_all = f"{len(repeated):,} of {len(trials):,} trials are equal to others, and are run once"
    return list(kept.values()), f"{of_all}, such as {repeated[0].name}"


def new_folder(overrides: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the folder of a new sweep, and the overrides that describe its trials.

    Args:
        overrides: The overrides of the command line. `hydra.sweep.dir` may call resolvers, as in `out/${now:%Y-%m-%d}`.

    Raises:
        ConfigError: They name no folder that can be known before the trials are composed, or several.
    """
    is_folder = [override.lstrip("+").startswith(f"{_FOLDER}=") for override in overrides]
    given = [override for override, is_one in zip(overrides, is_folder, strict=True) if is_one]
    described = [override for override, is_one in zip(overrides, is_folder, strict=True) if not is_one]
    value = parse_overrides(given)[-1].value() if given else None
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{given[-1]}: give one folder. A name with a comma needs quotes: {_FOLDER}=\"'a,b'\".")
    try:
        folder = OmegaConf.create({_FOLDER: value})[_FOLDER]
    except OmegaConfBaseException as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{given[-1]}: {reason}. The folder of a sweep cannot depend on the values of its trials. Give its name, "
            f"or the time, as in {_FOLDER}='out/${{now:%Y-%m-%d}}'."
        ) from error
    return Path(folder or Path("outputs/sweeps") / run_id()), described


def refuse_folder(folder: Path) -> None:
    """Refuse a folder in which a sweep cannot be created, before anything is done for it.

    Raises:
        RunError: It has a sweep, or is on a file system that cannot hold one.
        OSError: It cannot be written.
    """
    refuse_existing(folder)
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    check_writable(there)
    refuse_unshared(folder, there, f"Choose a folder on {{}} with {_FOLDER}=<folder>.")


def create_sweep(
    folder: Path,
    given: Sequence[str],
    trials: Sequence[Trial],
    options: SweepOptions | None = None,
    search: str | None = None,
    device: str | None = None,
) -> Sweep:
    """Create the folder of a sweep, and trust the code of its trials, which the user has named.

    `sweep.yaml` is last: if this is killed before, there is no sweep yet.

    Args:
        folder: The folder.
        given: The arguments of the command line.
        trials: Its trials; examples of them if a search proposes them.
        options: The keys of the sweep itself; None for the defaults.
        search: See `Sweep.create`.
        device: See `provenance_of`.

    Raises:
        RunError: The folder has a sweep.
        OSError: The folder cannot be written.
    """
    swept = tuple(dict.fromkeys(key for trial in trials for key in trial.swept))
    provenance = provenance_of(trials, device=device)
    options = options or SweepOptions()
    record = SweepRecord(
        command("train", *map(shlex.quote, map(argument_of, given))),
        swept,
        str(trials[0].config["objective"]),
        secrets.token_hex(8),
        {**provenance.environment, **optuna_version(options.search)},
        options.shared(),
        provenance.sources_name,
        provenance.data,
    )
    whole = Path(os.path.abspath(folder))  # noqa: PTH100  (links stay)
    refuse_existing(whole)
    provenance.keep_sources(whole)
    trust_trials(whole, trials)
    sweep = Sweep.create(whole, record, trials if search is None else [], search)
    sweep.examples = trials if search is not None else ()
    return sweep

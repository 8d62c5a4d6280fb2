"""The code and the data that the trials of a sweep are trained with: a change of them is noticed before others follow.

The versions of packages and the fingerprints of the data are in the record of the sweep. A list of the source files
with their hashes is in `sources/<hash of the list>.json`. Beside it is a copy of those that are the user's own, so that
trials which wait are trained with them also after an edit.
"""

import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from convboard.config.current_folder import allow, importable
from convboard.config.schema import TrainConfig
from convboard.errors import RunError
from convboard.experiment.environment import describe_environment
from convboard.experiment.trusted_runs import remember, remembered
from convboard.files import atomic_write_bytes, create_once, make_folder, read_bytes, read_text, remove_leftovers
from convboard.sweeps.forked_process import result_of
from convboard.sweeps.slots import device_type
from convboard.sweeps.store.source_files import (
    COMPARED,
    digest,
    foreign_files,
    foreign_modules,
    importable_places,
    is_installed,
    package_files,
)
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import read_record
from convboard.sweeps.store.trials import Trial

SOURCES = "sources"
_LONGEST = 10_000_000  # bytes of a file
_SHOWN = 10  # files in a message


@dataclass(frozen=True)
class Provenance:
    """The code and the data of trials, as they are now.

    Attributes:
        environment: Versions, machine, kind of device and git commit, by name.
        sources: The beginning of the SHA-256 of each source file, by its name, as in `convboard/errors.py`.
        data: What identifies the files of each data set, by its name and folder.
        own_code: Those of the sources that are neither convboard's nor installed, by name.
    """

    environment: Mapping[str, str]
    sources: Mapping[str, str]
    data: Mapping[str, str]
    own_code: Mapping[str, Path]

    @property
    def sources_name(self) -> str:
        """The name of the list of its sources: a hash."""
        return _name(self.sources)

    def keep_sources(self, folder: Path) -> None:
        """Keep the list of the sources in the folder of a sweep, and a copy of the code of the user's own.

        Trials import from the copy what has changed since; see `frozen_code`.

        Raises:
            OSError: It cannot be written.
        """
        remember(folder, {f"{SOURCES}/{self.sources_name}"})
        make_folder(folder / SOURCES)
        for name, file in self.own_code.items():
            copy = folder / SOURCES / self.sources_name / name
            make_folder(copy.parent)
            remove_leftovers(copy.parent)
            atomic_write_bytes(copy, read_bytes(file))
        create_once(folder / SOURCES / f"{self.sources_name}.json", json.dumps(self.sources, indent=0) + "\n")


def provenance_of(trials: Iterable[Trial], resumed: bool = False, device: str | None = None) -> Provenance:
    """Return the code and the data of trials.

    Args:
        trials: The trials.
        resumed: Whether the sweep is there already, see `describe_environment`.
        device: The type of device on which they are trained; None: what this machine has.

    Raises:
        DataError: Pictures are missing or cannot be read.
    """
    trials = list(trials)
    environment = describe_environment(device="", resumed=resumed)
    del environment["command"]  # each run has its own
    environment["device"] = device or device_type({str(trial.config["trainer"]["device"]) for trial in trials})
    foreign = foreign_files(trials, importable_places())
    sources = {name: digest(file) for name, file in (package_files() | foreign).items()}
    own = {name: file for name, file in foreign.items() if not is_installed(file)}
    return Provenance(environment, sources, _data(trials), own)


def trust_copy(sweep: Sweep) -> None:
    """Remember that the user trusts the copy of the code in the folder of a sweep."""
    remember(sweep.folder, {f"{SOURCES}/{sweep.record.sources}"})


def frozen_code(folder: Path, trial: Trial) -> Path | None:
    """Return the folder from which a trial is to import code of the user's own.

    Args:
        folder: The folder of its sweep.
        trial: The trial.

    Returns:
        The copy that the sweep has of this code. None if the code is unchanged where it is, beside files that it may
        read; or if the user has not trusted the copy.

    Raises:
        RunError: The copy is damaged.
    """
    if not foreign_modules([trial]):
        return None
    name = read_record(folder).sources
    copy = _trusted_copy(folder, name)
    if copy is None:
        return None
    here = foreign_files([trial], importable_places()).items()
    now = {name: digest(file) for name, file in here if not is_installed(file)}
    then = {name: digest(file) for name, file in foreign_files([trial], [str(copy)]).items()}
    if now == then:
        return None
    listed = _read_sources(folder, name)
    if _name(listed) != name:
        raise RunError(f"{copy}, the copy of the code that the sweep began with, is damaged. Sweep again.")
    for file in copy.rglob("*"):  # Python would prefer a mine.so to a mine.py, and a mine.pyc might stand for it
        if (file.is_symlink() or not file.is_dir()) and listed.get(str(file.relative_to(copy))) != digest(file):
            raise RunError(f"{file} is not as it was copied when the sweep began, so its code is not run. Sweep again.")
    return copy


def imported_code(folder: Path, trial: Trial) -> Path | None:
    """Import the user's own code of a trial if it is unchanged, and return what `frozen_code` then does.

    The user may save a file between the look at it and its import. What was imported so is forgotten.

    Args:
        folder: See `frozen_code`.
        trial: See `frozen_code`.

    Raises:
        RunError: See `frozen_code`.
    """
    frozen, modules = frozen_code(folder, trial), foreign_modules([trial])
    if frozen is not None or not modules:
        return frozen
    files = {str(file) for file in foreign_files([trial], importable_places()).values() if not is_installed(file)}
    with importable():
        allow(modules)
        for name in sorted(modules):
            with suppress(Exception):  # it is imported again, by what tells the error
                import_module(name)
    frozen = frozen_code(folder, trial)
    if frozen is not None:
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) in files:
                del sys.modules[name]
    return frozen


def _trusted_copy(folder: Path, name: str) -> Path | None:
    copy = folder / SOURCES / name
    return copy if copy.is_dir() and f"{SOURCES}/{name}" in remembered(folder) else None


def _name(sources: Mapping[str, str]) -> str:
    """Return the name of a list of sources."""
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:16]


def changes(sweep: Sweep, now: Provenance, with_own_code: bool = True) -> list[str]:
    """Return what has changed since a sweep began, in words; empty if its trials can be compared with new ones.

    Args:
        sweep: The sweep.
        now: The code and the data of now.
        with_own_code: Whether changes of code of the user's own count, of which the sweep has a copy.
    """
    record, found = sweep.record, []
    for package in COMPARED:
        then, today = record.environment.get(package, "unknown"), now.environment[package]
        if then.partition("+")[0] != today.partition("+")[0]:  # builds for CPU and GPU are the same version
            found.append(f"{package} was {then}, and is {today} now")
    device, here = record.environment.get("device", ""), now.environment["device"]
    if device not in ("", here):
        chosen = "for which threads and execution plans were chosen"
        found.append(f"device was {device}, {chosen}, and is {here} here: go on with it on another machine")
    if record.sources != now.sources_name:
        copy = None if with_own_code else _trusted_copy(sweep.folder, record.sources)
        kept = {str(file.relative_to(copy)) for file in copy.rglob("*.py")} | now.own_code.keys() if copy else set()
        found += _changed_sources(_read_sources(sweep.folder, record.sources), now.sources, kept)
    for name, then in record.data.items():
        if (today := now.data.get(name, "")) != then:
            found.append(f"{name}: was {then}, and is {today or 'not there'} now")
    commits = [one.environment.get("git commit", "none").partition(" ")[0] for one in (record, now)]
    if found and commits[0] != commits[1]:
        found.append(f"git commit: was {commits[0]}, and is {commits[1]} now")
    return found


def changed_sources(first: Path, second: Path) -> list[str]:
    """Return which source files of the second of two sweeps differ from those of the first, in words.

    Args:
        first: The folder of a sweep.
        second: The folder of another one.
    """
    then, now = (_read_sources(folder, read_record(folder).sources) for folder in (first, second))
    return _changed_sources(then, now, ()) if then and now else []


def _changed_sources(then: Mapping[str, str], now: Mapping[str, str], ignored: Collection[str]) -> list[str]:
    if not then:
        return ["source files have changed; which, is not known, because the list of them is lost"]
    names = sorted(name for name in {**then, **now} if then.get(name) != now.get(name) and name not in ignored)
    what = [
        f"{name} {'has changed' if name in then and name in now else 'is new' if name in now else 'is not there'}"
        for name in names
    ]
    more = [f"and {len(names) - _SHOWN} more source files"] if len(names) > _SHOWN else []
    return [*what[:_SHOWN], *more]


def _read_sources(folder: Path, name: str) -> dict[str, str]:
    """Read a list of sources; empty if it is lost or damaged."""
    try:
        content = json.loads(read_text(folder / SOURCES / f"{name}.json", _LONGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(file): str(digest) for file, digest in content.items()} if isinstance(content, dict) else {}


def _data(trials: Iterable[Trial]) -> dict[str, str]:
    """Describe the files of the data sets that are there."""
    configs = {}
    for trial in trials:
        dataset = trial.config["dataset"]
        configs[f"{dataset['name']} in {dataset['path'] or trial.config['data_dir']}"] = trial.config
    has_torch = "torch" in sys.modules  # the process of a sweep has not, and need not take seconds to import it
    described = describe_data(configs) if has_torch else result_of(f"{__name__}:{describe_data.__name__}", configs)
    return {name: text for name, text in described.items() if text}


def describe_data(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Describe the files of the data set of each config; empty where there are none. It imports torch.

    Raises:
        DataError: See `describe_config_files`.
    """
    from convboard.experiment.dataset import describe_config_files  # deferred for start-up time: imports torch

    return {name: describe_config_files(TrainConfig.from_dict(config)) for name, config in configs.items()}

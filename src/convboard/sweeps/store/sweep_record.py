"""What a sweep was asked for: `sweep.yaml` in its folder, and the revisions of it that later commands write.

A revision is a whole record, `sweep.0001.yaml` and so on; the last one counts. Like all that several processes write,
it is created once and never changed.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from convboard.config.objectives import is_maximised
from convboard.config.yaml_limits import LOADER, read_yaml_text
from convboard.errors import RunError
from convboard.files import create_once

SWEEP = "sweep.yaml"


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep was asked for, and the code and data that it was started with.

    Attributes:
        command: The command line that made it.
        swept: The keys with several values.
        objective: The metric by which its trials are compared.
        token: Random characters by which a worker knows that it sees this folder and no other.
        environment: Versions, machine, kind of device and git commit, by name.
        options: The keys of the sweep itself, see `SweepOptions.shared`.
        sources: The name of the list of its source files, see `provenance`.
        data: The fingerprint of each data set, by its name and folder.
    """

    command: str
    swept: tuple[str, ...]
    objective: str
    token: str
    environment: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: str = ""
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_maximised(self) -> bool:
        """Whether a larger objective is better."""
        return is_maximised(self.objective)

    def to_yaml(self) -> str:
        """Return it as YAML, what is of most interest first."""
        plain = {name: getattr(self, name) for name in _KINDS} | {"swept": list(self.swept)}
        return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=1000))

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`."""
        return "maximize" if self.is_maximised else "minimize"


_KINDS: dict[str, type] = {  # of the fields, in the order of the file
    "command": str,
    "swept": list,
    "objective": str,
    "direction": str,
    "options": dict,
    "environment": dict,
    "sources": str,
    "data": dict,
    "token": str,
}


def read_record(folder: Path) -> SweepRecord:
    """Read what a sweep was asked for, of its last revision.

    Raises:
        RunError: There is no sweep, or its record is damaged.
    """
    if not (folder / SWEEP).exists():
        raise RunError(f"{folder} has no sweep: the folder of a sweep has a {SWEEP} in it.")
    return _read_revision(folder, _last_index(folder))


def revise_record(folder: Path, change: Callable[[SweepRecord], SweepRecord]) -> SweepRecord:
    """Write a revision of the record, unless nothing in it would change but its command.

    Args:
        folder: The folder of the sweep.
        change: Returns the record as it should be, from what it is; is called again if another process has written
            a revision meanwhile.

    Returns:
        The record as it is now.

    Raises:
        OSError: The folder cannot be written.
    """
    while True:
        index = _last_index(folder)
        record = _read_revision(folder, index)
        revised = change(record)
        if replace(revised, command=record.command) == record:
            return record
        if create_once(folder / _revision(index + 1), revised.to_yaml()):
            return revised


def state_of_record(folder: Path) -> object:
    """Return what differs once there is another revision, or another sweep has taken the place of this one.

    Raises:
        OSError: There is no record any more.
    """
    status = (folder / SWEEP).stat()
    return status.st_ino, status.st_mtime_ns, _last_index(folder)


def _last_index(folder: Path) -> int:
    return next(index for index in itertools.count() if not (folder / _revision(index + 1)).exists())


def _revision(index: int) -> str:
    """Return the name of the file of a revision of the record."""
    return f"sweep.{index:04}.yaml" if index else SWEEP


def _read_revision(folder: Path, index: int) -> SweepRecord:
    path = folder / _revision(index)
    try:
        plain = yaml.load(read_yaml_text(path, has_aliases=False), Loader=LOADER)  # a safe loader
        return _record(plain)
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        advice = f" Remove it, and the sweep goes on as {_revision(index - 1)} has it." if index else ""
        raise RunError(f"{path} cannot be read: {' '.join(str(error).split())}.{advice}") from error


def _record(plain: Any) -> SweepRecord:
    """Check what was read from `sweep.yaml`."""
    if not isinstance(plain, dict) or plain.keys() != _KINDS.keys():
        raise ValueError(f"it must hold {', '.join(_KINDS)}")
    for name, kind in _KINDS.items():
        if not isinstance(plain[name], kind):
            raise ValueError(f"{name} cannot be {plain[name]!r}")
    texts = list(plain["swept"])
    for name in ("environment", "data"):
        texts += [*plain[name], *plain[name].values()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("swept, environment and data must hold texts")
    del plain["direction"]
    return SweepRecord(**plain | {"swept": tuple(plain["swept"])})

"""A run as a row of a table: what it was asked to do, how far it is, and what has come out."""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convboard.config.command_line import assignment, command
from convboard.config.objectives import test_metric
from convboard.results.option_names import option_name

SEED = "seed"  # runs that differ in it alone are repetitions of one setting
UNREADABLE = "unreadable"  # the state of a run whose files are damaged
GROUPS = ("model", "optimizer", "scheduler")  # groups of a config whose class has a short name


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run.

    Attributes:
        path: Its directory, which is missing while a trial of a sweep waits.
        name: Its path below the folder in which runs were looked for.
        state: waiting, running, finished, pruned, failed, interrupted, or unreadable.
        reason: Why it failed, was pruned or interrupted, or cannot be read.
        config: Its config: the value of each key, such as `optimizer.lr`, and the names of model, optimizer, scheduler
            and dataset under these keys. Lists and the like are texts in JSON. Empty if it cannot be read.
        metrics: The metrics of its best epoch by tag, such as `accuracy/val`; empty before it has ended.
        epochs: Number of epochs that it has trained.
        seconds: Wall time of training and evaluation; None before it has ended.
        started: When it was started, in seconds since 1970.
        ended: When it ended.
        environment: Versions, device, git commit and the like, by name; empty where they are not known.
        sweep: The folder of its sweep.
        number: Its number in the sweep.
        swept: The values in which the runs of its sweep differ, as texts by key.
        overrides: The overrides of a command line that runs it alone, if it is of a sweep.
    """

    path: Path
    name: str
    state: str
    reason: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    epochs: int | None = None
    seconds: float | None = None
    started: float | None = None
    ended: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    sweep: Path | None = None
    number: int | None = None
    swept: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that trains such a run again."""
        if self.sweep is None:
            return command("train", assignment("repeat", self.path))
        return command("train", *map(shlex.quote, self.overrides))

    @property
    def address(self) -> str:
        """What names it on the command line, below the folder in which runs were looked for."""
        if self.number is None:
            return self.name
        return f"{self.name.rpartition('/')[0]}#{self.number}"

    @property
    def objective(self) -> str:
        """The metric by which it is compared, such as `accuracy/val`."""
        return str(self.config.get("objective", ""))

    @property
    def value(self) -> float | None:
        """Its objective; None before it has ended."""
        return self.metrics.get(self.objective)

    @property
    def test(self) -> float | None:
        """The metric on the test split that goes with its objective; None before it has ended."""
        return self.metrics.get(test_metric(self.objective))

    @property
    def age(self) -> float | None:
        """Seconds since it ended, or else since it was started."""
        then = self.ended or self.started
        return None if then is None else time.time() - then

    @property
    def max_epochs(self) -> int | None:
        """Number of epochs that it is to train."""
        epochs = self.config.get("trainer.max_epochs")
        return epochs if isinstance(epochs, int) else None


def flat_config(config: Mapping[str, Any], swept: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a config as one value for each key, with the short names of its classes and of its data.

    Args:
        config: A nested config, as it is in a run's `config.yaml`.
        swept: What was chosen on the command line, by key: the names of options are taken from there.
    """
    flat: dict[str, Any] = {}
    _flatten(config, "", flat)
    for group in GROUPS:
        if target := flat.get(f"{group}._target_"):
            flat[group] = (swept or {}).get(group) or option_name(group, str(target))
    if name := flat.get("dataset.name"):
        flat["dataset"] = name
    for key, text in (swept or {}).items():  # such as `experiment`, which stands for values of other keys
        flat.setdefault(key, text)
    return flat


def _flatten(node: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            _flatten(value, f"{prefix}{key}.", flat)
        elif value is None or isinstance(value, (bool, int, float, str)):
            flat[f"{prefix}{key}"] = value
        else:
            flat[f"{prefix}{key}"] = json.dumps(value, default=str)

"""The trials of a sweep: the checked config of each, frozen when the sweep was made.

Trials are added in blocks. A block is one file, named by the number of its first trial, with a line of JSON for each::

    trials/00000.jsonl    the trials 0 to 17
    trials/00018.jsonl    the trials 18 to 35, which a later command has added

Blocks are created once (`files.create_once`), so that two processes that add trials at the same time never give a
number twice.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from sys import intern
from typing import Any

from convboard.config.command_line import argument_of, command
from convboard.config.folder_names import folder_of
from convboard.errors import RunError
from convboard.files import create_once, read_text

DEFAULTS = "defaults"  # the name of a trial for which no value is given
SEED = "seed"  # trials that differ in it alone are repetitions of one setting
_NAME = re.compile(r"(\d{5,})\.jsonl")
_LONGEST = 1_000_000_000  # bytes of a block


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial of a sweep.

    Attributes:
        number: Its number in the sweep, from 0.
        overrides: The overrides of a command line that runs it alone.
        swept: The values in which the trials differ, as texts, by key.
        folder: Name of its run directory, which is in the folder of the sweep.
        config: Its whole config, as `TrainConfig.to_dict` gives it.
        outcomes: If a search has proposed it: what had become known of earlier trials since the proposal before, see
            `search`. None for all others.
    """

    number: int
    overrides: tuple[str, ...]
    swept: Mapping[str, str]
    folder: str
    config: Mapping[str, Any]
    outcomes: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """What sets it apart, for people: `optimizer.lr=0.1 seed=2`."""
        return " ".join(f"{key}={value}" if value else key for key, value in self.swept.items()) or DEFAULTS

    @property
    def command(self) -> str:
        """The command that runs it alone, quoted for the shell."""
        return command("train", *map(shlex.quote, map(argument_of, self.overrides)))


class Trials:
    """The trials of one sweep, as far as this process has read them.

    Args:
        folder: Their folder, which must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trials: list[Trial] = []
        self._parts: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._trials)

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def refresh(self) -> None:
        """Read the trials that other processes have added.

        Raises:
            RunError: A block cannot be read, or is damaged.
        """
        while (path := self._path(len(self))).exists():
            self._trials += [with_shared_parts(trial, self._parts) for trial in _read(path, len(self))]

    def add(self, trials: Sequence[Trial]) -> list[Trial]:
        """Add trials, and number them.

        Args:
            trials: Their numbers do not count. Those that the sweep has already, with equal `swept` and `config`, are
                left out.

        Returns:
            Those that were added.

        Raises:
            OSError: The folder cannot be written.
        """
        while True:
            self.refresh()
            known = {_key(trial) for trial in self._trials}
            new = [trial for trial in {_key(trial): trial for trial in trials}.values() if _key(trial) not in known]
            start = len(self)
            if not new or self.add_block(new):
                return self._trials[start:]

    def add_block(self, trials: Sequence[Trial]) -> bool:
        """Add trials after those that are known here, and number them.

        Args:
            trials: At least one. Their numbers do not count.

        Returns:
            Whether they were added. If not, another process has added some; they are known after `refresh`.

        Raises:
            OSError: The folder cannot be written.
        """
        start = len(self)
        numbered = _with_own_folders(self._trials, trials)
        is_added = create_once(self._path(start), "".join(json.dumps(_plain(trial)) + "\n" for trial in numbered))
        if is_added:
            self._trials += numbered
        return is_added

    def add_first(self, trials: Sequence[Trial]) -> bool:
        """Add the trials that a sweep begins with.

        Returns:
            Whether the folder has these trials and no others now.

        Raises:
            OSError: The folder cannot be written.
        """
        wanted = {_key(trial): trial for trial in trials}
        if not wanted or not self.add_block(list(wanted.values())):
            self.refresh()
        return [_key(trial) for trial in self._trials] == list(wanted)

    def _path(self, start: int) -> Path:
        return _block(self.folder, start)


def _block(folder: Path, start: int) -> Path:
    return folder / f"{start:05}.jsonl"


def with_shared_parts(trial: Trial, parts: dict[str, Any]) -> Trial:
    """Return a trial whose config has those parts in common with others that are equal, so that it takes less memory.

    Args:
        trial: The trial. Configs are never changed.
        parts: The parts of the others, such as `optimizer`, by their JSON; gets those that are new.
    """
    config = {
        intern(key): parts.setdefault(json.dumps(part), part) if isinstance(part, dict) else part
        for key, part in trial.config.items()
    }
    swept = {intern(key): intern(value) for key, value in trial.swept.items()}
    return replace(trial, overrides=tuple(map(intern, trial.overrides)), swept=swept, config=config)


def _plain(trial: Trial) -> dict[str, Any]:
    return {field.name: getattr(trial, field.name) for field in fields(trial)}


def _key(trial: Trial) -> str:
    return json.dumps([dict(trial.swept), trial.config], sort_keys=True)


def _read(path: Path, start: int) -> Iterator[Trial]:
    """Yield the trials of a block, the first of which has the number `start`."""
    number = None
    try:
        for number, line in enumerate(read_text(path, _LONGEST).splitlines(), start):
            trial = Trial(**json.loads(line))
            if trial.number != number:
                raise ValueError(f"it has trial {trial.number} where trial {number} belongs")
            if not (isinstance(trial.config, dict) and isinstance(trial.swept, dict)):
                raise ValueError(f"trial {number} has no config or no values")
            if not all(isinstance(text, str) for text in (*trial.swept.values(), *trial.overrides)):
                raise ValueError(f"the values and overrides of trial {number} must be texts")
            if trial.folder in ("", ".", "..") or "/" in trial.folder:
                raise ValueError(f"{trial.folder!r} is no name of a folder")
            yield trial
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}. Without it the sweep is not whole; sweep again.") from error
    if number is None:
        raise RunError(f"{path} is empty. Without it the sweep is not whole; sweep again.")


def _with_own_folders(known: Sequence[Trial], trials: Sequence[Trial]) -> list[Trial]:
    """Number trials that follow the known ones; each gets a folder of its own, also where case does not count."""
    taken = {trial.folder.casefold() for trial in known}
    numbered = []
    for number, trial in enumerate(trials, len(known)):
        is_taken = trial.folder.casefold() in taken
        folder = folder_name(trial.swept, with_hash=True) if is_taken else trial.folder
        taken.add(folder.casefold())
        numbered.append(replace(trial, number=number, folder=folder))
    return numbered


def folder_name(swept: Mapping[str, str], with_hash: bool = False) -> str:
    """Return the name of the run directory of a trial: its values, as `optimizer.lr=0.1,seed=2`.

    Args:
        swept: See `Trial`.
        with_hash: See `folder_of`.
    """
    return folder_of(
        ",".join(f"{key}={value}" if value else key for key, value in swept.items()) or DEFAULTS, with_hash
    )


def setting_of(trial: Trial) -> tuple[tuple[str, str], ...]:
    """Return the swept values of a trial without the seed, by which it is told from others but its repetitions."""
    return tuple(sorted((key, value) for key, value in trial.swept.items() if key != SEED))


def repetitions(folder: Path, trial: Trial) -> list[int]:
    """Return the trials that differ from this one in the seed alone, without reading all of the others.

    Args:
        folder: The folder of the trials.
        trial: The trial.

    Raises:
        OSError: A block cannot be read.
    """
    texts = [json.dumps({key: value})[1:-1] for key, value in trial.swept.items() if key != SEED]  # as in a block
    candidates, count = [], 0
    while (path := _block(folder, count)).exists():
        with path.open() as lines:
            for line in lines:
                if count != trial.number and all(text in line for text in texts):
                    candidates.append(Trial(**json.loads(line)))
                count += 1
    return [other.number for other in candidates if setting_of(other) == setting_of(trial)]


def with_threads(trial: Trial, threads: int | None) -> Trial:
    """Return a trial that computes with this number of threads, unless it chooses one; None changes nothing."""
    if threads is None or trial.config["trainer"]["threads"] is not None:
        return trial
    trainer = {**trial.config["trainer"], "threads": threads}
    overrides = (*trial.overrides, f"trainer.threads={threads}")
    return replace(trial, overrides=overrides, config={**trial.config, "trainer": trainer})

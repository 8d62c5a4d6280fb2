"""Runs moved into the trash, and back: `python scripts/runs.py rm outputs where='state=failed'`."""

import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.cli.runs.running import by_sweep, is_whole, refuse_running
from convboard.cli.runs.selection import NoRunsError, load
from convboard.cli.runs.text_table import one_line
from convboard.config.command_line import command
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import counted, shown_path
from convboard.results.durations import read_duration
from convboard.results.read_sweep import living_workers
from convboard.results.run_row import UNREADABLE, RunRow
from convboard.results.table import load_runs
from convboard.results.trash import move_to_trash, restore

_TOLD = 10  # runs that are named


@dataclass
class Arguments:
    """Move runs into a trash folder, outputs.trash beside outputs, and say how to get them back.

    Give the runs, or folders of which all runs are meant, or conditions. Nothing is moved if one of the runs or sweeps
    is being trained. A sweep does not repeat runs that have finished and were moved.

    Attributes:
        where: A condition on the runs, such as 'state=failed or accuracy/val<0.5'.
        older_than: Only runs that ended longer ago: 30min, 12h, 7d or 2w.
        restore: A folder of the trash, such as outputs.trash, of which all runs are moved back to where they were.
    """

    where: str | None = None
    older_than: str | None = None
    restore: str | None = None

    def __post_init__(self) -> None:
        if self.older_than is not None and read_duration(self.older_than) is None:
            raise ConfigError(f"older_than={self.older_than}: give a number with s, min, h, d or w, such as 7d.")
        if self.restore is not None and (self.where or self.older_than):
            raise ConfigError("restore= moves back all that is in a folder of the trash. Omit where= and older_than=.")


def main(paths: list[str], arguments: Arguments) -> None:
    """Move runs, and print how to get them back."""
    if arguments.restore is not None:
        if paths:
            raise ConfigError(f"restore={arguments.restore} cannot be used with {paths[0]}. Omit one of them.")
        _restore(Path(arguments.restore))
        return
    has_condition = arguments.where is not None or arguments.older_than is not None
    if not paths and not has_condition:
        raise ConfigError(
            "Give what is to be moved: runs, folders of runs, where= or older_than=, such as older_than=30d."
        )
    try:
        table = load(paths, arguments.where)
    except NoRunsError as none:  # an answer, and no mistake
        print(none)
        return
    rows = [row for row in table if _is_old_enough(row, arguments.older_than)]
    refuse_running(rows, all_meant=not has_condition)
    _refuse_others_within(rows)
    directories = _directories(rows, with_sweeps=not has_condition)
    if directories:
        _move(directories)
    elif rows:
        print(f"There is nothing to move: {counted(len(rows), 'run')} without a directory.")
    else:
        print(f"None of {counted(len(table), 'run')} ended longer ago than {arguments.older_than}.")


def _move(directories: Sequence[Path]) -> None:
    """Move directories, and print the commands that get them back and remove them for good."""
    moved: list[tuple[Path, Path]] = []
    try:
        moved.extend((path, move_to_trash(path)) for path in directories)
    finally:  # also of those before one that cannot be moved
        if moved:
            _tell("moved", [path for path, _ in moved])
            common = shown_path(Path(os.path.commonpath([trashed for _, trashed in moved])))
            print(f"get back:   {one_line(command('runs', 'rm', shlex.quote(f'restore={common}')))}")
            print(f"free space: rm -r {one_line(shlex.quote(common))}")


def _restore(folder: Path) -> None:
    moved: list[Path] = []
    try:
        moved.extend(restore(folder))
    finally:
        _tell("moved back", moved)


def _is_old_enough(row: RunRow, duration: str | None) -> bool:
    """Return whether a run ended longer ago than a duration, or else was started or changed."""
    if duration is None or (seconds := read_duration(duration)) is None:
        return True
    ended = row.ended or row.started
    if ended is None:
        ended = row.path.stat().st_mtime if row.path.exists() else time.time()
    return time.time() - ended > seconds


def _refuse_others_within(rows: Sequence[RunRow]) -> None:
    """Refuse a damaged sweep that contains runs which are not meant.

    Raises:
        RunError: One of the runs is that.
    """
    meant = {row.path.resolve() for row in rows}
    for row in rows:
        inside = load_runs(row.path) if row.state == UNREADABLE else ()
        if others := [one for one in inside if one.path.resolve() not in meant]:
            folder = shlex.quote(shown_path(row.path))
            raise RunError(
                f"{folder} is unreadable, and {counted(len(others), 'run')} in it would be moved too. Nothing was "
                f"moved. To move it whole: {command('runs', 'rm', folder)}"
            )


def _directories(rows: Sequence[RunRow], with_sweeps: bool) -> list[Path]:
    """Return the directories to move.

    Args:
        rows: The runs.
        with_sweeps: Whether the folder of a sweep of which all runs are meant is moved although a process works on it.
    """
    whole = {sweep for sweep, own in by_sweep(rows).items() if is_whole(sweep, own)}
    whole = {sweep for sweep in whole if with_sweeps or not living_workers(sweep)}
    found = [*sorted(whole), *(row.path for row in rows if row.sweep not in whole and row.path.exists())]
    folders = set(found)
    return [path for path in found if folders.isdisjoint(path.parents)]  # a damaged sweep is moved with its runs


def _tell(what: str, moved: Sequence[Path]) -> None:
    """Print which directories were moved."""
    for source in moved[:_TOLD]:
        print(f"{f'{what}:':<12}{one_line(shown_path(source))}")
    if (more := len(moved) - _TOLD) > 0:
        print(f"{'':<12}and {more:,} more {'directory' if more == 1 else 'directories'}")

"""Runs moved into the trash, and back: `python scripts/runs.py rm outputs where='state=failed'`."""

import os
import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.cli.runs.selection import load
from convboard.cli.runs.text_table import one_line
from convboard.config.command_line import command
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import shown_path
from convboard.results.run_row import RunRow
from convboard.results.table import load_runs
from convboard.results.trash import TRASH, move_to_trash, restore
from convboard.sweeps.store.journal import State

_SECONDS = {"min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_TOLD = 10  # runs that are named
_DURATION = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_SECONDS)})")


@dataclass
class Arguments:
    """Move runs into a trash folder, outputs.trash beside outputs, and say how to get them back.

    Give the runs, or folders of which all runs are meant, or conditions. Nothing is moved if one of the runs is being
    trained. A sweep does not repeat runs that have finished and were moved.

    Attributes:
        where: A condition on the runs, such as 'state=failed or accuracy/val<0.5'.
        older_than: Only runs that ended longer ago: 30min, 12h, 7d or 2w.
        restore: A folder of the trash, such as outputs.trash, of which all runs are moved back to where they were.
    """

    where: str | None = None
    older_than: str | None = None
    restore: str | None = None

    def __post_init__(self) -> None:
        if self.older_than is not None and not _DURATION.fullmatch(self.older_than):
            raise ConfigError(f"older_than={self.older_than}: give a number with min, h, d or w, such as 7d.")
        if self.restore is not None and (self.where or self.older_than):
            raise ConfigError("restore= moves back all that is in a folder of the trash. Omit where= and older_than=.")


def main(paths: list[str], arguments: Arguments) -> None:
    """Move runs, and print how to get them back."""
    if arguments.restore is not None:
        if paths:
            raise ConfigError(f"restore={arguments.restore} cannot be used with {paths[0]}. Omit one of them.")
        _tell("moved back", [(path, path) for path in restore(Path(arguments.restore))])
        return
    if not paths and arguments.where is None and arguments.older_than is None:
        raise ConfigError(
            "Give what is to be moved: runs, folders of runs, where= or older_than=, such as older_than=30d."
        )
    rows = [row for row in load(paths, arguments.where) if _is_old_enough(row, arguments.older_than)]
    _refuse_running(rows)
    moved = [(path, move_to_trash(path)) for path in _directories(rows)]
    if not moved:
        print("There are no such runs.")
        return
    _tell("moved", moved)
    common = os.path.commonpath([trashed for _, trashed in moved])
    trash = next(folder for folder in (moved[0][1], *moved[0][1].parents) if folder.name.endswith(TRASH))
    restore_all = shlex.quote(f"restore={shown_path(Path(common))}")
    print(f"get back:   {one_line(command('runs', 'rm', restore_all))}")
    print(f"free space: rm -r {one_line(shlex.quote(shown_path(trash)))}")


def _is_old_enough(row: RunRow, duration: str | None) -> bool:
    """Return whether a run ended longer ago than a duration, or else was started or changed."""
    if duration is None or not (found := _DURATION.fullmatch(duration)):
        return True
    ended = row.ended or row.started
    if ended is None:
        ended = row.path.stat().st_mtime if row.path.exists() else time.time()
    return time.time() - ended > float(found[1]) * _SECONDS[found[2]]


def _refuse_running(rows: Sequence[RunRow]) -> None:
    """Refuse to move runs that are being trained.

    Raises:
        RunError: One of them is.
    """
    running = [row for row in rows if row.state == State.RUNNING]
    if running:
        raise RunError(
            f"{shown_path(running[0].path)} is being trained. Nothing was moved. Stop it first, or leave such runs out "
            "with where='state!=running'."
        )


def _directories(rows: Sequence[RunRow]) -> list[Path]:
    """Return the directories to move: of a sweep of which all runs are meant, its folder."""
    by_sweep: dict[Path, list[RunRow]] = {}
    for row in rows:
        if row.sweep is not None:
            by_sweep.setdefault(row.sweep, []).append(row)
    whole = {sweep for sweep, own in by_sweep.items() if len(own) == len(load_runs(sweep))}
    single = [row.path for row in rows if row.sweep not in whole and row.path.exists()]
    return [*sorted(whole), *single]


def _tell(what: str, moved: Sequence[tuple[Path, Path]]) -> None:
    """Print which directories were moved."""
    for source, _ in moved[:_TOLD]:
        print(f"{f'{what}:':<12}{one_line(shown_path(source))}")
    if (more := len(moved) - _TOLD) > 0:
        print(f"{'':<12}and {more:,} more {'directory' if more == 1 else 'directories'}")

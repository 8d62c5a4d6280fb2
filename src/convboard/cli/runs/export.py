"""The runs of a folder for other programs: `python scripts/runs.py export outputs/sweeps/SWEEP format=latex`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.cli.runs.columns import column_names, text_columns
from convboard.cli.runs.selection import Selected, Selection, selected
from convboard.config.command_line import printable
from convboard.errors import ConfigError, RunError, nearest
from convboard.experiment.console import counted, shown_path
from convboard.files import atomic_write_bytes, make_folder
from convboard.results.export.data_files import as_csv, as_json, as_parquet
from convboard.results.export.report_tables import as_latex, as_markdown
from convboard.results.export.trackers import PICTURES, TRACKERS, export_runs, open_tracker
from convboard.results.export.values import value_columns, value_names
from convboard.results.run_row import UNREADABLE
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State

_DATA: dict[str, Callable[..., str | bytes]] = {"csv": as_csv, "json": as_json, "parquet": as_parquet}
_REPORT: dict[str, Callable[..., str]] = {"markdown": as_markdown, "latex": as_latex}
FORMATS = (*_DATA, *_REPORT)
_SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".md": "markdown", ".tex": "latex"}
_NOT_ENDED = (State.WAITING, State.RUNNING, UNREADABLE)
_NOT_IN_A_REPORT = ("run", "state", "epochs", "seconds", "age", "reason", "95 %")


@dataclass
class Arguments(Selection):
    """Export the runs of a folder: as a table, or with config, curves, pictures and results to an experiment tracker.

    The table has a row for each run, or where runs differ in the seed alone, for each setting. Markdown and LaTeX have
    mean ± standard deviation, rounded; CSV, JSON and Parquet have every digit.

    Attributes:
        out: The file to write; null: print the table. With to=, the folder in which the tracker stores the runs; null:
            exported/ and the name of the tracker.
        format: csv, json, parquet, markdown or latex; null: by the suffix of out (.csv, .json, .parquet, .md, .tex), or
            csv.
        columns: The columns instead, separated by commas, as for list.
        overwrite: Replace the file if it is there already.
        to: mlflow, swanlab, trackio or wandb: write each run for it, on this machine. Of runs that are there already,
            new pictures are added.
        project: With to=, the name of the project, or experiment; null: that of the first folder.
        pictures: With to=: last for the last picture of each kind and layer, all for those of every epoch, or none.
    """

    out: str | None = None
    format: str | None = None
    columns: str | None = None
    overwrite: bool = False
    to: str | None = None
    project: str | None = None
    pictures: str = PICTURES[0]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pictures not in PICTURES:
            raise ConfigError(f"pictures={self.pictures} is not known. {nearest(self.pictures, PICTURES)}")
        if self.to is None:
            self._check_table()
            return
        if self.to not in TRACKERS:
            raise ConfigError(f"to={self.to} is not a tracker that runs are exported to. {nearest(self.to, TRACKERS)}")
        given = {"format": self.format, "columns": self.columns, "group": self.group, "overwrite": self.overwrite}
        if needless := [key for key, value in given.items() if value]:
            raise ConfigError(f"{needless[0]} is of a table, and to={self.to} exports whole runs: omit it.")

    def _check_table(self) -> None:
        if self.project is not None or self.pictures != PICTURES[0]:
            key = "pictures" if self.project is None else "project"
            raise ConfigError(f"{key} is of an export to a tracker: add to={' or to='.join(TRACKERS)}, or omit it.")
        if self.format is not None and self.format not in FORMATS:
            raise ConfigError(f"format={self.format} is not an output format. {nearest(self.format, FORMATS)}")
        suffix = "" if self.out is None else Path(self.out).suffix.lower()
        if self.format is None and self.out is not None and suffix not in _SUFFIXES:
            raise ConfigError(
                f"out={self.out}: the suffix tells no format. It can be {', '.join(_SUFFIXES)}; or give format= too."
            )
        if self.format == "parquet" and self.out is None:
            raise ConfigError("format=parquet cannot be printed: give a file, such as out=runs.parquet.")


def main(paths: list[str], arguments: Arguments) -> None:
    """Write or print the table, or export the runs."""
    found = selected(paths, arguments)
    if arguments.to is not None:
        project = arguments.project or Path(paths[0] if paths else "outputs").resolve().name or "runs"
        _export(found.table, arguments.to, Path(arguments.out or f"exported/{arguments.to}"), project, arguments)
        return
    content = _table(found, _format(arguments), arguments.columns.split(",") if arguments.columns else None)
    if arguments.out is None:
        assert isinstance(content, str)
        sys.stdout.write(content)
    else:
        _write(Path(arguments.out), content if isinstance(content, bytes) else content.encode(), arguments.overwrite)


def _export(table: RunTable, to: str, folder: Path, project: str, arguments: Arguments) -> None:
    """Write runs for a tracker, and say how many.

    Raises:
        ConfigError: See `open_tracker`.
        RunError: The folder cannot be written, or what is in it is damaged.
    """
    from convboard.results.export.tracked_run import TrackedRun  # deferred for start-up time: TensorBoard

    runs = [TrackedRun(row, table.differing, arguments.pictures) for row in table if row.state not in _NOT_ENDED]
    try:
        tracker = open_tracker(to, folder, project)
        new, extended = export_runs(tracker, runs)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}. Choose another place with out=.") from error
    print(printable(f"exported:   {counted(new, 'run')} to {to} in {shown_path(folder)}, project {project}"))
    if extended:
        print(f"            {counted(extended, 'run')} had been exported before, and got new pictures")
    if known := len(runs) - new - extended:
        print(f"            {counted(known, 'run')} had been exported before")
    if len(runs) < len(table):
        print(f"            {counted(len(table) - len(runs), 'run')} left out: not ended, or not readable")
    for label, command in tracker.advice.items():
        print(printable(f"{label + ':':11} {command}"))


def _format(arguments: Arguments) -> str:
    if arguments.format is None and arguments.out is not None:
        return _SUFFIXES[Path(arguments.out).suffix.lower()]
    return arguments.format or "csv"


def _table(found: Selected, kind: str, names: Sequence[str] | None) -> str | bytes:
    if kind in _DATA:
        names = value_names(found.table, found.settings) if names is None else names
        return _DATA[kind](value_columns(found.table, found.settings, names))
    return _REPORT[kind](text_columns(found, _report_names(found) if names is None else names))


def _report_names(found: Selected) -> list[str]:
    """Return the columns of a table in a report: what differs, how many runs, and the results."""
    names = [name for name in column_names(found) if name not in _NOT_IN_A_REPORT]
    has_keys = any(name in found.table.differing for name in names)
    return names if has_keys or found.settings is not None else ["run", *names]


def _write(path: Path, content: bytes, is_replaced: bool) -> None:
    """Write the file.

    Raises:
        ConfigError: It is there already, or a folder.
        RunError: It cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder. Give the name of a file, such as out={path / 'table.csv'}.")
    if path.exists() and not is_replaced:
        raise ConfigError(f"{path} is there already. Choose another name, or replace it with overwrite=true.")
    try:
        make_folder(path.parent)
        atomic_write_bytes(path, content)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}. Choose another place with out=.") from error
    print(f"written: {printable(shown_path(path))}")

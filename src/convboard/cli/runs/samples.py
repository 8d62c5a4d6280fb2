"""The two samples of runs that a command compares, A and B."""

from collections.abc import Sequence
from dataclasses import dataclass

from convboard.cli.runs.selection import load
from convboard.config.command_line import command, printable
from convboard.errors import RunError
from convboard.experiment.console import counted, shown_path
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import value_text
from convboard.results.table import RunTable, load_runs


@dataclass(frozen=True)
class Sample:
    """Runs that are compared with others.

    Attributes:
        name: What they are, for people.
        rows: The runs.
    """

    name: str
    rows: Sequence[RunRow]

    @classmethod
    def of(cls, rows: Sequence[RunRow], table: RunTable) -> "Sample":
        """Return runs named by the values in which they agree, and in which the runs of a table differ."""
        keys = [key for key in table.differing if key != SEED]
        values = {key: {value_text(row, key) for row in rows} for key in keys}
        agreed = " ".join(f"{key}={next(iter(found))}" for key, found in values.items() if len(found) == 1)
        return cls(_named(agreed, rows), rows)


def _named(what: str, rows: Sequence[RunRow]) -> str:
    runs = rows[0].address if len(rows) == 1 else f"{len(rows)} runs"
    return printable(f"{what}   ({runs})" if what else runs)


def samples_of(paths: Sequence[str], where: str | None) -> tuple[Sample, Sample]:
    """Return the runs that two paths stand for: those of a folder; of a run of a sweep, all seeds of its setting.

    Args:
        paths: The paths.
        where: A condition on the runs.

    Raises:
        RunError: There is no run.
    """
    tables = [load([path], where) for path in paths]
    sweeps = {table[0].sweep for table in tables if len(table) == 1}
    first, second = (_sample(path, table, len(sweeps) > 1) for path, table in zip(paths, tables, strict=True))
    return first, second


def _sample(path: str, table: RunTable, has_place: bool) -> Sample:
    """Return a sample; `has_place`: named with its sweep."""
    if len(table) == 1 and table[0].sweep is not None:
        sweep = load_runs(table[0].sweep)
        setting = next(each for each in sweep.settings() if any(row.number == table[0].number for row in each.rows))
        found = Sample.of(setting.rows, sweep)
        place = f"{printable(shown_path(table[0].sweep))}: " if has_place else ""
        return Sample(f"{place}{found.name}", found.rows)
    return Sample(printable(path) if len(table) == 1 else _named(path, list(table)), list(table))


def samples_where(table: RunTable, first: str, second: str) -> tuple[Sample, Sample]:
    """Return the runs for which each of two conditions holds.

    Raises:
        RunError: There is none.
    """
    samples = [list(table.where(condition)) for condition in (first, second)]
    for name, condition, rows in zip(("a", "b"), (first, second), samples, strict=True):
        if not rows:
            raise RunError(f"{name}={condition}: there is no such run.")
    return Sample(_named(first, samples[0]), samples[0]), Sample(_named(second, samples[1]), samples[1])


def refuse_common_runs(first: Sample, second: Sample) -> None:
    """Refuse samples that cannot be compared because they are not two.

    Raises:
        RunError: A run is in both.
    """
    paths = [{row.path.resolve() for row in sample.rows} for sample in (first, second)]
    if paths[0] == paths[1]:
        raise RunError(
            f"A and B are the same, {first.name}: a run of a sweep stands for all seeds of its setting. "
            f"{command('runs', 'diff')} shows what differs between two runs."
        )
    if common := paths[0] & paths[1]:
        raise RunError(f"A and B have {counted(len(common), 'run')} in common: {first.name} and {second.name}.")

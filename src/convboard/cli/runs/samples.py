"""The two samples of runs that a command compares, A and B."""

from collections.abc import Sequence
from dataclasses import dataclass

from convboard.config.command_line import printable
from convboard.errors import RunError
from convboard.experiment.console import counted
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
        runs = f"{rows[0].address}" if len(rows) == 1 else f"{len(rows)} runs"
        return cls(printable(f"{agreed}   ({runs})" if agreed else runs), rows)


def sample_of(path: str) -> Sample:
    """Return the runs that a path stands for: those of a folder; of a run of a sweep, all seeds of its setting.

    Raises:
        RunError: There is no run.
    """
    table = load_runs(path)
    if not len(table):
        raise RunError(f"{path} has no runs.")
    if len(table) == 1 and table[0].sweep is not None:
        sweep = load_runs(table[0].sweep)
        setting = next(each for each in sweep.settings() if any(row.number == table[0].number for row in each.rows))
        return Sample.of(setting.rows, sweep)
    found = Sample.of(list(table), table)
    return Sample(f"{printable(path)}   ({found.name})", found.rows)


def samples_where(table: RunTable, first: str, second: str) -> tuple[Sample, Sample]:
    """Return the runs for which each of two conditions holds.

    Raises:
        RunError: There is none.
    """
    samples = [list(table.where(condition)) for condition in (first, second)]
    for name, condition, rows in zip(("a", "b"), (first, second), samples, strict=True):
        if not rows:
            raise RunError(f"{name}={condition}: there is no such run.")
    return Sample.of(samples[0], table), Sample.of(samples[1], table)


def refuse_common_runs(first: Sample, second: Sample) -> None:
    """Refuse samples that cannot be compared because they are not two.

    Raises:
        RunError: A run is in both.
    """
    if common := {row.path.resolve() for row in first.rows} & {row.path.resolve() for row in second.rows}:
        raise RunError(f"A and B have {counted(len(common), 'run')} in common: {first.name} and {second.name}.")

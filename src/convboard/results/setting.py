"""A setting: runs that differ in the seed alone, which are repetitions of one experiment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convboard.config.command_line import format_value
from convboard.results.run_row import GROUPS, SEED, RunRow
from convboard.results.statistics import Summary, summarise
from convboard.results.task import Task, task_of
from convboard.sweeps.store.entries import State

# Keys of how a run computes and where its data is, and what other keys say too.
NOT_A_SETTING = {
    *("data_dir", "dataset.name", "resume", *(f"{group}._target_" for group in GROUPS)),
    *(f"trainer.{key}" for key in ("device", "threads", "channels_last", "precision", "compile", "cuda_graph", "plan")),
}


@dataclass(frozen=True)
class Setting:
    """Runs that differ in the seed alone.

    Attributes:
        values: The values in which this setting differs from the others, by key.
        rows: Its runs.
    """

    values: Mapping[str, Any]
    rows: tuple[RunRow, ...]

    @property
    def task(self) -> Task:
        """The data set and the metric by which its runs are compared."""
        return task_of(self.rows[0])

    def text(self, key: str) -> str:
        """Return the value of a key for people: as it was typed where it was swept."""
        return value_text(self.rows[0], key)

    @cached_property
    def finished(self) -> tuple[RunRow, ...]:
        """The runs that finished. Of equal ones, the last counts: to train one again says nothing of chance."""
        return _without_repeats(row for row in self.rows if row.state == State.FINISHED and row.value is not None)

    @cached_property
    def pruned(self) -> tuple[RunRow, ...]:
        """The runs that were pruned, but for those that were spared before they began; of equal ones, the last."""
        return _without_repeats(row for row in self.rows if row.state == State.PRUNED and row.value is not None)

    @property
    def results(self) -> tuple[RunRow, ...]:
        """The runs that count: those that finished, or the pruned ones if none has."""
        return self.finished or self.pruned

    @cached_property
    def objective(self) -> Summary | None:
        """Mean and spread of the objective over the runs that count; None if there are none."""
        return summarise([row.value for row in self.results if row.value is not None])

    @cached_property
    def test(self) -> Summary | None:
        """The same of the metric on the test split."""
        return summarise([row.test for row in self.results if row.test is not None])


def group_settings(rows: Iterable[RunRow], keys: Sequence[str]) -> list[Setting]:
    """Group runs by all that they differ in but the seed.

    Args:
        rows: The runs.
        keys: The keys in which they differ; see `RunTable.differing`.

    Returns:
        The settings, in the order of their first runs.
    """
    keys = [key for key in keys if key != SEED]
    groups: dict[tuple[Any, ...], list[RunRow]] = {}
    for row in rows:
        values = tuple(row.config.get(key, row.swept.get(key)) for key in keys)
        groups.setdefault((*values, None if row.config else row.path), []).append(row)  # an unreadable run is alone
    return [Setting(dict(zip(keys, values)), tuple(group)) for values, group in groups.items()]


def _without_repeats(rows: Iterable[RunRow]) -> tuple[RunRow, ...]:
    """Return the last one of the runs of one experiment, in the order of the first ones."""
    rows = tuple(rows)
    if len({row.config.get(SEED) for row in rows}) == len(rows):
        return rows
    return tuple({_experiment(row): row for row in rows}.values())


def _experiment(row: RunRow) -> tuple[tuple[str, Any], ...]:
    """Return what makes a run but for how it computes, such as the number of threads."""
    return tuple(sorted((item for item in row.config.items() if item[0] not in NOT_A_SETTING), key=str))


def value_text(row: RunRow, key: str) -> str:
    """Return the value that a run has of a key, for people: as it was typed where it was swept."""
    return row.swept[key] if key in row.swept else format_value(row.config[key]) if key in row.config else ""

"""Runs as a table: filtered, sorted, and grouped into settings whose runs differ in the seed alone."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, overload

from convboard.config.objectives import is_maximised, test_metric
from convboard.errors import ConfigError, RunError, nearest, similar
from convboard.results.importance import importance
from convboard.results.ranking import rank
from convboard.results.read_runs import read_runs
from convboard.results.run_row import GROUPS, SEED, RunRow
from convboard.results.setting import NOT_A_SETTING, Setting, group_settings
from convboard.results.task import refuse_several_tasks, tasks_of
from convboard.results.where import parse_where

# What a run has beside its config, by the name of its column.
FACTS: dict[str, Callable[[RunRow], Any]] = {
    "run": lambda row: row.address,
    "state": lambda row: str(row.state),
    "reason": lambda row: row.reason,
    "objective": lambda row: row.value,
    "test": lambda row: row.test,
    "epochs": lambda row: row.epochs,
    "seconds": lambda row: row.seconds,
    "started": lambda row: row.started,
    "ended": lambda row: row.ended,
    "age": lambda row: row.age,
    "number": lambda row: row.number,
    "path": lambda row: str(row.path),
}
_OF_A_GROUP = (*GROUPS, "dataset")
_TOLD = 10  # keys that a message names


class RunTable(Sequence[RunRow]):
    """Runs, in an order.

    Args:
        rows: The runs.
        differing: The keys in which the runs of a larger table differ, of which these are a part; None for those in
            which these runs do.
    """

    def __init__(self, rows: Sequence[RunRow], differing: Sequence[str] | None = None) -> None:
        self.rows = tuple(rows)
        self._differing = differing
        self._short: dict[str, str] = {}  # whole names of columns by the last part

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> RunRow: ...
    @overload
    def __getitem__(self, index: slice) -> "RunTable": ...
    def __getitem__(self, index: int | slice) -> "RunRow | RunTable":
        return self.rows[index] if isinstance(index, int) else RunTable(self.rows[index], self.differing)

    def __repr__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in Counter(str(row.state) for row in self.rows).items())
        return f"<RunTable of {len(self)} runs{': ' if states else ''}{states}>"

    def __iter__(self) -> Iterator[RunRow]:
        return iter(self.rows)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Every key of the configs of these runs."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row.config))

    @cached_property
    def differing(self) -> tuple[str, ...]:
        """The keys in which these runs differ, with the seed last.

        Of a sweep these are the swept keys. Otherwise a key of a group, such as `model.hidden`, counts if runs with the
        same option of the group differ in it; how a run computes, and where its data is, counts only if it was swept.
        """
        if self._differing is not None:
            return tuple(self._differing)
        swept = dict.fromkeys(key for row in self.rows for key in row.swept)
        if self.rows and self.rows[0].sweep is not None and len({row.sweep for row in self.rows}) == 1:
            found = list(swept)
        else:
            found = [key for key in self.keys if key in swept or (key not in NOT_A_SETTING and self._differs(key))]
        found.sort(key=lambda key: (key == SEED, key not in _OF_A_GROUP, key not in swept))
        return tuple(found)

    def _differs(self, key: str) -> bool:
        """Return whether runs differ in a key. One that a run of an older version lacks does not count."""
        group = key.partition(".")[0]
        is_inner, is_open = group in _OF_A_GROUP and key != group, group in GROUPS
        seen: dict[Any, Any] = {}
        for row in self.rows:
            if row.config and (is_open or key in row.config):
                value = row.config.get(key)
                if seen.setdefault(row.config.get(group) if is_inner else None, value) != value:
                    return True
        return False

    def value(self, row: RunRow, column: str) -> Any:
        """Return what a run has in a column.

        Args:
            row: The run.
            column: A key of its config, or the last part of one, a tag of its metrics, or one of `FACTS`.

        Raises:
            ConfigError: No run has such a column.
        """
        if column in FACTS:
            return FACTS[column](row)
        if column in row.config:
            return row.config[column]
        if column in row.metrics:
            return row.metrics[column]
        whole = self.column(column)
        return None if whole == column else self.value(row, whole)

    def column(self, name: str) -> str:
        """Return the whole name of a column: `optimizer.lr` for `lr`, if no other key ends like this.

        Raises:
            ConfigError: No run has such a column, or several are meant; the message names them.
        """
        if name in self._columns:
            return name
        if name not in self._short:
            ends = [key for key in self.keys if key.endswith(f".{name}")]
            meant = ends if len(ends) < 2 else [key for key in ends if key in self.differing]
            if len(meant) != 1:
                raise ConfigError(self._no_column(name, ends))
            self._short[name] = meant[0]
        return self._short[name]

    def _no_column(self, name: str, ends: Sequence[str]) -> str:
        """Return what is wrong with the name of a column, and the columns that are most likely to be meant."""
        if ends:
            return f"{name!r} is short for several keys of these runs. {nearest(name, ends)}"
        close = similar(name, sorted(self._columns)) or similar(
            name, sorted(key.rpartition(".")[2] for key in self.keys)
        )
        question = f" Did you mean {close!r}?" if close else ""
        differing = [*self.differing[:_TOLD], *(["..."] if len(self.differing) > _TOLD else [])]
        columns = ", ".join([*differing, *sorted(self._tags), *FACTS])
        return f"{name!r} is no column of these runs.{question} Columns: {columns}, and every other key of the config."

    @cached_property
    def _columns(self) -> frozenset[str]:
        return frozenset((*FACTS, *self.keys, *self._tags))

    @cached_property
    def _tags(self) -> frozenset[str]:
        objectives = chain(self.objectives, map(test_metric, self.objectives))
        return frozenset((*objectives, *(tag for row in self.rows for tag in row.metrics)))

    def where(self, condition: str) -> "RunTable":
        """Return the runs for which a condition holds, such as `optimizer.lr>0.01 and model=lenet`; see `where`.

        Raises:
            ConfigError: It cannot be read, or names a column that no run has.
        """
        parsed = parse_where(condition)
        for column in parsed.columns if self.rows else ():
            self.column(column)  # also one that is not looked at, because the comparison before it decides
        return RunTable([row for row in self.rows if parsed.holds(partial(self._compared, row))])

    def _compared(self, row: RunRow, column: str, other: Any) -> Any:
        """Return what a run has in a column for a comparison: of its objective the name, if it is one with a text."""
        return row.objective if column == "objective" and isinstance(other, str) else self.value(row, column)

    def sorted_by(self, column: str) -> "RunTable":
        """Return the runs sorted by a column, the smallest value first, or with `-` before its name the largest.

        `objective` puts the best first, of each data set and objective in turn. Runs without a value are last.

        Raises:
            ConfigError: No run has such a column.
        """
        name = self.column(column.removeprefix("-"))
        is_reversed = column.startswith("-")
        known = [row for row in self.rows if self.value(row, name) is not None]
        unknown = [row for row in self.rows if self.value(row, name) is None]
        if name == "objective":
            for task, rows in (tasks := tasks_of(known)).items():
                rows.sort(key=lambda row: row.value or 0.0, reverse=is_reversed != is_maximised(task.objective))
            known = list(chain.from_iterable(tasks.values()))
        else:
            known.sort(key=lambda row: _order(self.value(row, name)), reverse=is_reversed)
        return RunTable([*known, *unknown], self.differing)

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """The metrics by which these runs are compared: usually one."""
        return tuple(dict.fromkeys(row.objective for row in self.rows if row.objective)) or ("accuracy/val",)

    @property
    def objective(self) -> str:
        """The metric by which these runs are compared; the first one of several."""
        return self.objectives[0]

    @property
    def tested(self) -> str:
        """The metric on the test split that goes with the objective."""
        return test_metric(self.objective)

    def is_metric(self, column: str) -> bool:
        """Return whether a column is a tag of the metrics of these runs."""
        return column in self._tags

    @property
    def is_maximised(self) -> bool:
        """Whether a larger objective is better."""
        return is_maximised(self.objective)

    @cached_property
    def has_several_tasks(self) -> bool:
        """Whether these runs have results that cannot be compared: on several data sets, or by several objectives."""
        return len(tasks_of(self.rows)) > 1

    def settings(self) -> list[Setting]:
        """Return the runs grouped by all that they differ in but the seed, in the order of their first runs."""
        return group_settings(self.rows, self.differing)

    def ranking(self) -> list[Setting]:
        """Return the settings, the best one first; see `rank`.

        Raises:
            RunError: Their results are on several data sets, or by several objectives.
        """
        refuse_several_tasks(self.rows)
        return rank(self.settings())

    def importance(self) -> dict[str, float]:
        """Return the share of the variance between settings that each key explains alone; see `importance`.

        Raises:
            RunError: Their results are on several data sets, or by several objectives.
        """
        refuse_several_tasks(self.rows)
        return importance(self.settings())

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame: a row for each run, with its facts, metrics and config as columns.

        Raises:
            ImportError: pandas is not installed.
        """
        import pandas as pd  # an optional dependency

        tags = dict.fromkeys(tag for row in self.rows for tag in row.metrics)
        return pd.DataFrame(
            {column: [self.value(row, column) for row in self.rows] for column in (*FACTS, *tags, *self.keys)}
        )


def load_runs(*folders: str | Path) -> RunTable:
    """Read all runs in some folders: a sweep, `outputs`, or run directories.

    Args:
        folders: The folders; `outputs` if none is given.

    Raises:
        RunError: A folder is not there or cannot be read.
    """
    for folder in folders:
        if not isinstance(folder, (str, PathLike)):
            raise RunError(f"load_runs takes paths of folders, not a value of type {type(folder).__name__}.")
        if folder == "":
            raise RunError("load_runs takes paths of folders, not an empty text.")
    return RunTable(read_runs([Path(folder) for folder in folders or ("outputs",)]))


def _order(value: Any) -> tuple[int, Any]:
    """Return what a value is sorted by: numbers come before texts."""
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))

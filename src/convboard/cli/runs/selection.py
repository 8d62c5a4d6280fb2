"""Which runs a command is about: the keys `where`, `sort`, `top` and `group`, which several commands have."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from convboard.cli.runs.no_runs import no_such_runs
from convboard.config.objectives import sign_of
from convboard.errors import ConfigError, RunError, nearest
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import Setting
from convboard.results.statistics import summarise
from convboard.results.table import FACTS, RunTable, load_runs
from convboard.results.task import Task, task_of

Row = TypeVar("Row", RunRow, Setting)

GROUPED = (SEED, "none")
N, INTERVAL = "n", "95 %"  # columns of settings alone


class NoRunsError(RunError):
    """There are no runs, or none for which a condition holds."""


@dataclass
class Selection:
    """The runs that a command is about. A command's own `Arguments` inherit these keys.

    Attributes:
        where: A condition on the runs, such as 'optimizer.lr>0.01 and model=lenet', of columns, numbers, words and
            quoted texts, with = != < <= > >= in, and or not.
        sort: The column to sort by, the smallest value first, or with - before its name the largest; objective puts the
            best first, of each data set and objective in turn.
        top: Number of rows, from the first one, or sorted by objective, of each data set and objective; null: all.
        group: seed: a row for each setting, with mean and spread over its seeds; none: a row for each run; null: seed
            where runs differ in the seed alone.
    """

    where: str | None = None
    sort: str | None = None
    top: int | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ConfigError(f"top={self.top}: must be at least 1, or be omitted.")
        if self.group is not None and self.group not in GROUPED:
            raise ConfigError(f"group={self.group} is not known. {nearest(self.group, GROUPED)}")


@dataclass(frozen=True)
class Selected:
    """The runs that were selected.

    Attributes:
        table: The runs, sorted.
        settings: The same grouped over seeds, sorted; None for a row for each run.
    """

    table: RunTable
    settings: list[Setting] | None


def load(paths: Sequence[str], where: str | None) -> RunTable:
    """Return the runs in some folders for which a condition holds, at least one.

    Raises:
        NoRunsError: There are none.
        RunError: A folder is not there.
        ConfigError: The condition cannot be read, or names a column that no run has.
    """
    table = load_runs(*paths)
    found = table if where is None else table.where(where)
    if not len(found):
        raise NoRunsError(no_such_runs(paths, where, table))
    return found


def selected(paths: Sequence[str], selection: Selection) -> Selected:
    """Return the runs that a command is about.

    Args:
        paths: The folders, `outputs` if there are none.
        selection: The keys of the command.

    Raises:
        NoRunsError: There are none.
        RunError: A folder is not there.
        ConfigError: A condition cannot be read, or a column does not exist.
    """
    table, by = load(paths, selection.where), selection.sort
    is_grouped = _is_grouped(table, selection.group)
    if by is not None and not (is_grouped and by.removeprefix("-") in (N, INTERVAL)):
        table = table.sorted_by(by)
    if not is_grouped:
        return Selected(RunTable(_top(list(table), selection, task_of), table.differing), None)
    settings = table.settings()  # in the order of their first runs
    settings = _top(settings if by is None else _sorted(table, settings, by), selection, lambda setting: setting.task)
    return Selected(RunTable([row for setting in settings for row in setting.rows], table.differing), settings)


def _is_grouped(table: RunTable, group: str | None) -> bool:
    """Return whether runs are shown as settings: where some have several seeds, unless the user has chosen."""
    return group == SEED if group is not None else any(_has_seeds(setting) for setting in table.settings())


def _has_seeds(setting: Setting) -> bool:
    """Return whether runs of a setting have different seeds."""
    return len({row.config.get(SEED) for row in setting.rows}) > 1


def _top(rows: list[Row], selection: Selection, task: Callable[[Row], Task]) -> list[Row]:
    """Return the first rows; sorted by the objective, those of each task."""
    if selection.top is None or (selection.sort or "").removeprefix("-") != "objective":
        return rows[: selection.top]
    numbers, chosen = Counter[Task](), []
    for row in rows:
        numbers[task(row)] += 1
        if numbers[task(row)] <= selection.top:
            chosen.append(row)
    return chosen


def _sorted(table: RunTable, settings: Sequence[Setting], by: str) -> list[Setting]:
    """Sort settings by what is shown of them, such as a mean; those without are last.

    Args:
        table: The runs, sorted by the same column.
        settings: The settings, in the order of their first runs, which is right for any other column.
        by: The column, with `-` before its name for the largest first.
    """
    name = by.removeprefix("-")
    name = name if name in (N, INTERVAL) else table.column(name)
    values = [_value(table, setting, name) for setting in settings]
    known = [(value, setting) for value, setting in zip(values, settings, strict=True) if value is not None]
    if not known:
        return [*settings]
    known.sort(key=lambda pair: pair[0], reverse=by.startswith("-"))
    if name == "objective":
        tasks = {setting.task: place for place, setting in reversed(list(enumerate(settings)))}
        known.sort(key=lambda pair: tasks[pair[1].task])
    return [setting for _, setting in known] + [
        setting for value, setting in zip(values, settings, strict=True) if value is None
    ]


def _value(table: RunTable, setting: Setting, name: str) -> float | None:
    """Return the number that is shown of a setting; None if it has none, or the column has no numbers of this kind."""
    if name == N:
        return len(setting.results)
    if name == INTERVAL:
        return setting.objective.interval if setting.objective else None
    if name == "objective":
        return -sign_of(setting.task.objective) * setting.objective.mean if setting.objective else None
    if name in ("seconds", "age"):
        numbers = [number for row in setting.rows if (number := FACTS[name](row)) is not None]
        return None if not numbers else min(numbers) if name == "age" else fmean(numbers)
    if name == "test":
        return setting.test.mean if setting.test else None
    if not table.is_metric(name):
        return None
    found = summarise([row.metrics[name] for row in setting.results if name in row.metrics])
    return found.mean if found else None

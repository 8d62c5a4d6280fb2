"""Which runs a command is about: the keys `where`, `sort`, `top` and `group`, which several commands have."""

from collections.abc import Sequence
from dataclasses import dataclass

from convboard.errors import ConfigError, nearest
from convboard.results.run_row import SEED
from convboard.results.setting import Setting
from convboard.results.table import RunTable, load_runs

GROUPED = (SEED, "none")


@dataclass
class Selection:
    """The runs that a command is about. A command's own `Arguments` inherit these keys.

    Attributes:
        where: A condition on the runs, such as 'optimizer.lr>0.01 and model=lenet', of columns, numbers, words and
            quoted texts, with = != < <= > >= in, and or not.
        sort: The column to sort by, the smallest value first, or with - before its name the largest; objective puts the
            best first.
        top: Number of rows, from the first one; null: all.
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
    """Return the runs in some folders for which a condition holds.

    Raises:
        RunError: A folder is not there, or there are no runs.
        ConfigError: The condition cannot be read, or names a column that no run has.
    """
    table = load_runs(*paths)
    return table if where is None else table.where(where)


def selected(paths: Sequence[str], selection: Selection) -> Selected:
    """Return the runs that a command is about.

    Args:
        paths: The folders, `outputs` if there are none.
        selection: The keys of the command.

    Raises:
        RunError: A folder is not there.
        ConfigError: A condition cannot be read, or a column does not exist.
    """
    table = load(paths, selection.where)
    if selection.sort is not None and len(table):
        table = table.sorted_by(selection.sort)
    if selection.group == "none" or not len(table):
        return Selected(table[: selection.top], None)
    settings = table.settings()
    if selection.group is None and not any(_has_seeds(setting) for setting in settings):
        return Selected(table[: selection.top], None)
    if selection.sort is not None and selection.sort.removeprefix("-") == "objective":
        settings = _by_mean(settings, table.is_maximised != selection.sort.startswith("-"))
    settings = settings[: selection.top]
    return Selected(RunTable([row for setting in settings for row in setting.rows], table.differing), settings)


def _has_seeds(setting: Setting) -> bool:
    """Return whether runs of a setting have different seeds."""
    return len({row.config.get(SEED) for row in setting.rows}) > 1


def _by_mean(settings: Sequence[Setting], is_largest_first: bool) -> list[Setting]:
    """Sort settings by the mean of their objective; those without one are last."""
    known = [(setting.objective.mean, setting) for setting in settings if setting.objective is not None]
    known.sort(key=lambda pair: pair[0], reverse=is_largest_first)
    return [setting for _, setting in known] + [setting for setting in settings if setting.objective is None]

"""Settings ranked by their objective."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from convboard.config.objectives import sign_of
from convboard.results.run_row import RunRow
from convboard.results.setting import Setting


def rank(settings: Sequence[Setting]) -> list[Setting]:
    """Return the settings, the best mean first, each with its runs in the order best first.

    A mean over few seeds may be good by chance. Therefore settings of which as many seeds have finished as of any other
    come first, then those with fewer, then those of which runs were only pruned, and last those without a result.
    Settings of several tasks are not compared: all those of one task come before those of the next.

    Args:
        settings: The settings. Equally good ones keep their order.
    """
    tasks = list(dict.fromkeys(setting.task for setting in settings))
    most = {task: most_seeds(setting for setting in settings if setting.task == task) for task in tasks}

    def place(setting: Setting) -> tuple[bool, int, bool, bool, float]:
        seeds, objective, task = len(setting.finished), setting.objective, setting.task
        value = 0.0 if objective is None else -sign_of(task.objective) * objective.mean
        return objective is None, tasks.index(task), seeds < most[task], seeds == 0, value

    def row_place(row: RunRow) -> tuple[bool, float]:
        return row.value is None, 0.0 if row.value is None else -sign_of(row.objective) * row.value

    ranked = sorted(settings, key=place)
    return [replace(setting, rows=tuple(sorted(setting.rows, key=row_place))) for setting in ranked]


def most_seeds(settings: Iterable[Setting]) -> int:
    """Return the largest number of seeds that finished of a setting."""
    return max((len(setting.finished) for setting in settings), default=0)


def is_close(best: Setting, other: Setting) -> bool:
    """Return whether the means of two settings differ by less than two standard errors of their difference."""
    first, second = best.objective, other.objective
    if first is None or second is None or first.error is None or second.error is None:
        return False
    return abs(first.mean - second.mean) < 2 * math.hypot(first.error, second.error)

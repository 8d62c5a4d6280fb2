"""Settings ranked by their objective."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from convboard.results.run_row import RunRow
from convboard.results.setting import Setting


def rank(settings: Sequence[Setting], is_maximised: bool) -> list[Setting]:
    """Return the settings, the best mean first, each with its runs in the order best first.

    A mean over few seeds may be good by chance. Therefore settings of which as many seeds have finished as of any other
    come first, then those with fewer, then those of which runs were only pruned, and last those without a result.

    Args:
        settings: The settings. Equally good ones keep their order.
        is_maximised: Whether a larger objective is better.
    """
    sign = -1 if is_maximised else 1
    most = most_seeds(settings)

    def place(setting: Setting) -> tuple[bool, bool, bool, float]:
        seeds, objective = len(setting.finished), setting.objective
        return objective is None, seeds < most, seeds == 0, 0.0 if objective is None else sign * objective.mean

    def row_place(row: RunRow) -> tuple[bool, float]:
        return row.value is None, 0.0 if row.value is None else sign * row.value

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

"""All figures of a table of runs, by their kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from convboard.errors import ConfigError, RunError, nearest
from convboard.results.curves import At
from convboard.results.importance import importance
from convboard.results.key_effects import compared_keys, measured
from convboard.results.plots.curves import draw_curves
from convboard.results.plots.heat_map import draw_heat_map
from convboard.results.plots.importance_bars import draw_importance
from convboard.results.plots.objective_by_key import draw_objective_by_key
from convboard.results.plots.parallel_coordinates import draw_parallel_coordinates
from convboard.results.table import RunTable

_MOST_PANELS, _MOST_AXES = 12, 9  # keys that are drawn if more differ and none are chosen
_NO_KEYS = "the runs that have a result differ in no key but the seed"


@dataclass(frozen=True)
class PlotOptions:
    """What is drawn.

    Attributes:
        kinds: Some of `KINDS`; empty: all that the runs allow.
        keys: Keys in which the runs differ; empty: all, the most important ones first.
        tag: The metric of the curves; empty: the objective.
        at: What the curves are drawn against.
    """

    kinds: Sequence[str] = ()
    keys: Sequence[str] = ()
    tag: str = ""
    at: At = "epoch"


def draw_plots(table: RunTable, options: PlotOptions) -> tuple[dict[str, Figure], dict[str, str]]:
    """Draw figures of runs.

    Args:
        table: The runs.
        options: What is drawn.

    Returns:
        The figures by their kind, and why others cannot be drawn.

    Raises:
        ConfigError: A key or a metric does not exist.
        RunError: Nothing can be drawn, or not all kinds that are asked for.
    """
    _check_keys(table, options.keys)
    drawn = {kind: KINDS[kind](table, options) for kind in options.kinds or KINDS}
    figures = {kind: figure for kind, figure in drawn.items() if isinstance(figure, Figure)}
    reasons = {kind: reason for kind, reason in drawn.items() if isinstance(reason, str)}
    if reasons and (options.kinds or not figures):
        raise RunError("".join(f"{kind} cannot be drawn: {reason}.\n" for kind, reason in reasons.items()).rstrip())
    return figures, reasons


def _check_keys(table: RunTable, keys: Sequence[str]) -> None:
    compared = compared_keys(table)
    for key in keys:
        if key not in compared:
            raise ConfigError(f"keys={key}: runs that have a result do not differ in it. {nearest(key, compared)}")


def _keys(table: RunTable, options: PlotOptions, most: int | None = None) -> list[str]:
    return list(options.keys) or compared_keys(table)[:most]


def _objective(table: RunTable, options: PlotOptions) -> Figure | str:
    keys = _keys(table, options, _MOST_PANELS)
    return draw_objective_by_key(table, keys) if keys else _without_keys(table)


def _without_keys(table: RunTable) -> str:
    return _NO_KEYS if measured(table) else "no run has a result"


def _heat_map(table: RunTable, options: PlotOptions) -> Figure | str:
    keys = _keys(table, options)
    if len(keys) < 2:
        return f"it needs two keys, and {keys[0]} is the only one" if keys else _without_keys(table)
    return draw_heat_map(table, keys[0], keys[1])


def _parallel(table: RunTable, options: PlotOptions) -> Figure | str:
    keys = _keys(table, options, _MOST_AXES)
    return draw_parallel_coordinates(table, keys) if keys else _without_keys(table)


def _curves(table: RunTable, options: PlotOptions) -> Figure | str:
    figure = draw_curves(table, options.tag or table.objective, options.at)
    return figure or "no run has curves, which are in curves.csv after the first epoch"


def _importance(table: RunTable, options: PlotOptions) -> Figure | str:
    shares = importance(table.settings())
    return draw_importance(shares) if shares else "there are too few settings that differ in their objective"


Draw = Callable[[RunTable, PlotOptions], Figure | str]
KINDS: dict[str, Draw] = {
    "objective": _objective,
    "heat_map": _heat_map,
    "parallel": _parallel,
    "curves": _curves,
    "importance": _importance,
}

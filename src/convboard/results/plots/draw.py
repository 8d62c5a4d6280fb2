"""All figures of a table of runs, by their kind."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from convboard.errors import ConfigError, RunError, nearest
from convboard.results.importance import importance
from convboard.results.key_effects import compared_keys, measured
from convboard.results.plots.curves import draw_curves
from convboard.results.plots.heat_map import draw_heat_map
from convboard.results.plots.importance_bars import draw_importance
from convboard.results.plots.objective_by_key import draw_objective_by_key
from convboard.results.plots.options import KINDS, PlotOptions
from convboard.results.plots.parallel_coordinates import draw_parallel_coordinates
from convboard.results.table import RunTable

_MOST_PANELS, _MOST_AXES = 12, 9  # keys that are drawn if more differ and none are chosen


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
    drawn = {kind: _drawn(kind, table, options) for kind in options.kinds or KINDS}
    figures = {kind: figure for kind, figure in drawn.items() if isinstance(figure, Figure)}
    reasons = {kind: reason for kind, reason in drawn.items() if isinstance(reason, str)}
    if reasons and (options.kinds or not figures):
        raise RunError("".join(f"{kind} cannot be drawn: {reason}.\n" for kind, reason in reasons.items()).rstrip())
    return figures, reasons


def _check_keys(table: RunTable, keys: Sequence[str]) -> None:
    compared = compared_keys(table)
    for key in keys:
        if not compared:
            raise RunError(f"keys={key}: {_without_keys(table)}.")
        if key not in compared:
            raise ConfigError(f"keys={key}: the runs that have a result do not differ in it. {nearest(key, compared)}")


def _drawn(kind: str, table: RunTable, options: PlotOptions) -> Figure | str:
    """Return a figure, or why it cannot be drawn."""
    if kind == "curves":
        figure = draw_curves(table, options.tag or table.objective, options.at)
        return figure or "no run has curves, which are in curves.csv after the first epoch"
    if kind == "importance":
        shares = importance(table.settings())
        return draw_importance(shares) if shares else "too few settings differ in their objective"
    keys = list(options.keys) or compared_keys(table)
    if not keys:
        return _without_keys(table)
    if kind == "objective":
        return draw_objective_by_key(table, keys if options.keys else keys[:_MOST_PANELS])
    if kind == "parallel":
        return draw_parallel_coordinates(table, keys if options.keys else keys[:_MOST_AXES])
    assert kind == "heat_map"
    return draw_heat_map(table, *keys[:2]) if len(keys) > 1 else f"it needs two keys, and {keys[0]} is the only one"


def _without_keys(table: RunTable) -> str:
    return "the runs that have a result differ in no key but the seed" if measured(table) else "no run has a result"

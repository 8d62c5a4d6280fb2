"""All figures of a table of runs, by their kind."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from convboard.errors import ConfigError, RunError, nearest
from convboard.results.importance import importance_method
from convboard.results.key_effects import compared_keys, measured
from convboard.results.plots.curves import draw_curves
from convboard.results.plots.heat_map import draw_heat_map
from convboard.results.plots.importance_bars import draw_importance
from convboard.results.plots.objective_by_key import draw_objective_by_key
from convboard.results.plots.options import KINDS, PlotOptions
from convboard.results.plots.parallel_coordinates import draw_parallel_coordinates
from convboard.results.plots.style import style
from convboard.results.table import RunTable
from convboard.results.task import refuse_several_tasks

_MOST_KEYS = {"objective": 12, "parallel": 9}  # that are drawn if more differ and none are chosen


def draw_plots(table: RunTable, options: PlotOptions) -> tuple[dict[str, Figure], list[str]]:
    """Draw figures of runs.

    Args:
        table: The runs.
        options: What is drawn.

    Returns:
        The figures by their kind, and remarks: why others cannot be drawn, and which keys are left out.

    Raises:
        ConfigError: A key or a metric does not exist.
        RunError: The runs are on several data sets or have several objectives; nothing can be drawn, or not all kinds
            that are asked for.
    """
    refuse_several_tasks(table)
    compared = compared_keys(table)
    keys = [_key(table, key, compared) for key in options.keys]
    kinds = options.kinds or KINDS
    drawn = {kind: _drawn(kind, table, keys or compared[: _MOST_KEYS.get(kind)], options) for kind in kinds}
    figures = {kind: figure for kind, figure in drawn.items() if isinstance(figure, Figure)}
    remarks = [f"{kind} cannot be drawn: {reason}." for kind, reason in drawn.items() if isinstance(reason, str)]
    if remarks and (options.kinds or not figures):
        raise RunError("\n".join(remarks))
    for kind, most in _MOST_KEYS.items():
        if kind in figures and not keys and len(compared) > most:
            remarks.append(f"{kind} has the {most} most important of {len(compared)} keys; keys= chooses.")
    return figures, remarks


def plot_runs(
    runs: RunTable, kind: str, *, keys: Sequence[str] = (), tag: str | None = None, x: str = "epoch"
) -> Figure:
    """Draw a figure of runs.

    Args:
        runs: The runs, from `load_runs`.
        kind: `objective`, `heat_map`, `parallel`, `curves` or `importance`.
        keys: The keys to draw, such as `optimizer.lr`; empty: all in which the runs differ, the most important ones
            first.
        tag: The metric of curves, such as `loss/train`; None: the objective.
        x: What curves are drawn against: `epoch`, `step` or `time`.

    Returns:
        A figure of matplotlib; `savefig` writes it.

    Raises:
        ConfigError: There is no such kind, key or metric.
        RunError: The runs do not allow such a figure.
    """
    if not isinstance(runs, RunTable):
        raise RunError(f"plot_runs takes the table that load_runs returns, not a value of type {type(runs).__name__}.")
    with style():
        figures, _ = draw_plots(runs, PlotOptions([kind], keys, tag, x))
    return figures[kind]


def _key(table: RunTable, name: str, compared: Sequence[str]) -> str:
    """Return the whole name of a key that is to be drawn.

    Raises:
        ConfigError: There is no such key, or the runs do not differ in it.
    """
    is_short = any(key.endswith(f".{name}") for key in compared)
    key = table.column(name) if name in table.keys or is_short or not compared else name
    if compared and key not in compared:
        what = "the runs that have a result do not differ in it" if key in table.keys else "no run has such a key"
        raise ConfigError(f"keys={name}: {what}. {nearest(name, compared)}")
    return key


def _drawn(kind: str, table: RunTable, keys: Sequence[str], options: PlotOptions) -> Figure | str:
    """Return a figure, or why it cannot be drawn."""
    if kind == "curves":
        figure = draw_curves(table, options.tag or table.objective, options.at)
        return figure or "no run has curves, which are in curves.csv after the first epoch"
    if kind == "importance":
        shares, method = table.importance(), importance_method(table.settings())
        return draw_importance(shares, method) if shares else "too few settings differ in their objective"
    if not measured(table):
        return "no run has a result"
    if not keys:
        runs = measured(table)
        return (
            "only one run has a result"
            if len(runs) == 1
            else "the runs that have a result differ in no key but the seed"
        )
    if kind == "heat_map":
        return _heat_map(table, keys)
    return (draw_objective_by_key if kind == "objective" else draw_parallel_coordinates)(table, keys)


def _heat_map(table: RunTable, keys: Sequence[str]) -> Figure | str:
    if len(keys) < 2:
        return f"it needs two keys, and {keys[0]} is the only one"
    both = RunTable([row for row in table if keys[0] in row.config and keys[1] in row.config])
    return draw_heat_map(both, keys[0], keys[1]) if measured(both) else f"no run has both {keys[0]} and {keys[1]}"

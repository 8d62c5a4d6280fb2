"""How much each key mattered, as bars."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from convboard.results.plots.labels import wrapped_key
from convboard.results.plots.style import COLOURS, new_figure

_ROOM = 28  # characters beside a bar


def draw_importance(shares: Mapping[str, float], method: str) -> Figure:
    """Draw a bar for each key, the longest on top.

    Args:
        shares: The importance of each key, the largest first; see `importance`.
        method: How they are computed; see `importance_method`.
    """
    names = [wrapped_key(key, _ROOM) for key in shares]
    lines = sum(name.count("\n") + 1 for name in names)
    note = f"what the key explains alone, computed by {method}"
    figure = new_figure(6.2, 1.1 + 0.18 * (len(shares) + lines), "Importance of each key", note)
    axes = figure.subplots()
    bars = axes.barh(range(len(shares)), list(shares.values()), color=COLOURS[0], height=0.65)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=4)
    axes.set_yticks(range(len(shares)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.15 * max(shares.values()), 0.01))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of the variance between settings")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    return figure

"""How much each key mattered, as bars."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from convboard.results.plots.style import COLOURS, new_figure


def draw_importance(shares: Mapping[str, float], method: str) -> Figure:
    """Draw a bar for each key, the longest on top.

    Args:
        shares: The importance of each key, the largest first; see `importance`.
        method: How they are computed; see `importance_method`.
    """
    figure = new_figure(6.2, 1.1 + 0.36 * len(shares), "Importance of each key", f"computed by {method}")
    axes = figure.subplots()
    bars = axes.barh(list(shares), list(shares.values()), color=COLOURS[0], height=0.65)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=4)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.15 * max(shares.values()), 0.01))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of the variance between settings that the key explains alone")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    return figure

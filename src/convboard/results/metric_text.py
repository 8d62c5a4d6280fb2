"""Metrics as texts for people."""

from convboard.config.objectives import format_metric, is_maximised
from convboard.results.statistics import Summary


def summary_text(metric: str, summary: Summary | None) -> str:
    """Return a mean with its standard deviation, `98.10% ± 0.12%`; empty if there is none."""
    if summary is None:
        return ""
    spread = "" if summary.deviation is None else f" ± {format_metric(metric, summary.deviation)}"
    return f"{format_metric(metric, summary.mean)}{spread}"


def difference_text(metric: str, difference: float, interval: float | None = None, sign: str = "+") -> str:
    """Return a difference of a metric, of accuracies in points: `+0.31 points`, `+0.31 ± 0.12 points`, `-0.0125`.

    Args:
        metric: The metric.
        difference: The difference.
        interval: Half the width of its interval; None if it is not to be shown.
        sign: `+` for a sign before every number, `-` for one before those below zero alone.
    """
    scale, decimals, unit = (100, 2, " points") if is_maximised(metric) else (1, 4, "")
    spread = "" if interval is None else f" ± {scale * interval:.{decimals}f}"
    return f"{scale * difference:{sign}.{decimals}f}{spread}{unit}"

"""What all figures have in common: fonts and colours."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

# Colours that the colour-blind tell apart. (Okabe and Ito, Color Universal Design, 2008)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c4b8a", "#7a6a53")
OTHERS, INK, FAINT = "#b8bec6", "#20262e", "#6b7480"
# From the worst to the best: darker is better, and the palest still shows on white.
BETTER = LinearSegmentedColormap.from_list("better", ["#d9e2ec", "#9ec5dd", "#4a96c4", "#1c5d99", "#08264f"])
HALO = withStroke(linewidth=3, foreground="white")  # round a text that is on lines
_OF_A_TITLE, _OF_A_NOTE = 8.5, 15  # characters that have room in an inch
_CROWD, _SMALLEST = 120, 0.4  # from how many points on they get smaller, and the smallest share of their size
_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a value may contain dollar signs
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e7eaee",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "svg.hashsalt": "convboard",  # the same figure is the same file
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save figures in convboard's style, whatever the user's own is.

    Letters that the font lacks, such as emoji, are drawn as boxes, without a warning for each.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def crowded(size: float, number: int) -> float:
    """Return a size of points or lines, smaller where there are many of them."""
    return size * max(_SMALLEST, min(1.0, math.sqrt(_CROWD / max(number, 1))))


def new_figure(width: float, height: float, title: str, note: str = "") -> Figure:
    """Return an empty figure.

    Args:
        width: Its width in inches.
        height: Its height.
        title: What it shows.
        note: A text below it that says how to read it.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(fill(title, int(_OF_A_TITLE * width)), x=0.01, ha="left")
    if note:
        figure.supxlabel(fill(note, int(_OF_A_NOTE * width)), x=0.01, ha="left", fontsize=8, color=FAINT)
    return figure

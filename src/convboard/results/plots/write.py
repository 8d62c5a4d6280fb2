"""Figures written as PNG, SVG, or one HTML page."""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from convboard.errors import ConfigError

FORMATS = (".html", ".png", ".svg")
MARK = "convboard runs plot"  # in every file, so that a file of somebody else is never overwritten
_DPI = 200
_BEGINNING = 4096  # bytes of a file that contain the mark


def output_format(out: Path) -> str:
    """Return the format of a file by its name.

    Raises:
        ConfigError: It is none of `FORMATS`.
    """
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(f"out={out}: give the name of a file that ends with {', '.join(FORMATS)}.")
    return out.suffix.lower()


def image(figure: Figure, suffix: str) -> bytes:
    """Return a figure as a PNG or SVG, the same for the same figure."""
    buffer = BytesIO()
    if suffix == ".png":
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": MARK})
    else:
        figure.savefig(buffer, format="svg", metadata={"Creator": MARK, "Date": None})
    return buffer.getvalue()

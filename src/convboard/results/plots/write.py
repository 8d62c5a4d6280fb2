"""Figures written as PNG, SVG, or one HTML page."""

from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from convboard.errors import ConfigError, RunError
from convboard.files import atomic_write_bytes, make_folder, read_bytes
from convboard.results.plots.page import render_page
from convboard.results.table import RunTable

MARK = "convboard runs plot"  # in every file, so that a file of somebody else is never overwritten
_DPI = 200
_BEGINNING = 4096  # bytes of a file that contain the mark


def image(figure: Figure, suffix: str) -> bytes:
    """Return a figure as a PNG or SVG, the same for the same figure."""
    buffer = BytesIO()
    if suffix == ".png":
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": MARK})
    else:
        figure.savefig(buffer, format="svg", metadata={"Creator": MARK, "Date": None})
    return buffer.getvalue()


def write_plots(out: Path, title: str, table: RunTable, figures: Mapping[str, Figure]) -> list[Path]:
    """Write figures: all in one page, or an image for each, which has the kind of the figure in its name if several.

    Args:
        out: The file to write; see `check_format`. Folders above it are created.
        title: The title of the page.
        table: The runs.
        figures: At least one figure, by kind.

    Returns:
        The files.

    Raises:
        ConfigError: A file is there already that this function has not written.
        RunError: A file cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix == ".html":
        images = {kind: image(figure, ".svg") for kind, figure in figures.items()}
        files = {out: render_page(title, MARK, table, images).encode()}
    else:
        names = [out] if len(figures) == 1 else [out.with_stem(f"{out.stem}-{kind}") for kind in figures]
        files = {name: image(figure, suffix) for name, figure in zip(names, figures.values(), strict=True)}
    for path in files:
        _check_replaceable(path)
    for path, content in files.items():
        try:
            make_folder(path.parent)
            atomic_write_bytes(path, content)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}. Choose another place with out=.") from error
    return list(files)


def _check_replaceable(path: Path) -> None:
    """Refuse to overwrite a file that is not one of these figures."""
    if path.exists():
        with suppress(OSError):
            if MARK.encode() in read_bytes(path)[:_BEGINNING]:
                return
        raise ConfigError(f"{path} is there already, and was not drawn by this command: choose another name with out=.")

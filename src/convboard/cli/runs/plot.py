"""Figures of many runs: `python scripts/runs.py plot outputs/sweeps/SWEEP`."""

from dataclasses import dataclass
from pathlib import Path

from convboard.cli.runs.selection import load
from convboard.config.command_line import printable
from convboard.experiment.console import shown_path
from convboard.results.plots.options import PlotOptions, check_format


@dataclass
class Arguments:
    """Draw runs: the objective against each key, a heat map, parallel coordinates, curves over seeds, importance.

    Attributes:
        kind: objective, heat_map, parallel, curves or importance; several are separated by commas; null: all that the
            runs allow.
        keys: The keys to draw, such as optimizer.lr, separated by commas; null: all in which the runs differ, the most
            important ones first. A heat map has the first two.
        tag: The metric of the curves, such as loss/train; null: the objective.
        x: What the curves are drawn against: epoch, step or time.
        where: A condition on the runs, such as 'optimizer.lr>0.01 and model=lenet'.
        out: The file to write: .html for one page with all figures, .png or .svg for an image of each; null: plots.html
            in the first folder.
    """

    kind: str | None = None
    keys: str | None = None
    tag: str | None = None
    x: str = "epoch"
    where: str | None = None
    out: str | None = None


def main(paths: list[str], arguments: Arguments) -> None:
    """Draw the figures, write them, and print the files."""
    options = PlotOptions(_listed(arguments.kind), _listed(arguments.keys), arguments.tag, arguments.x)
    folder = Path(paths[0] if paths else "outputs")
    out = Path(arguments.out or (folder if folder.is_dir() else Path()) / "plots.html")
    check_format(out)
    table = load(paths, arguments.where)
    # After the arguments are checked: these import matplotlib.
    from convboard.results.plots.draw import draw_plots
    from convboard.results.plots.style import style
    from convboard.results.plots.write import write_plots

    with style():
        figures, remarks = draw_plots(table, options)
        files = write_plots(out, folder.resolve().name, table, figures)
    for file in files:
        print(f"written: {printable(shown_path(file))}")
    for remark in remarks:
        print(printable(remark))


def _listed(names: str | None) -> list[str]:
    return [] if names is None else [name.strip() for name in names.split(",") if name.strip()]

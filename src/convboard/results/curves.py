"""The curves of runs by epoch, from their `curves.csv`, and their mean over seeds."""

import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from convboard.errors import ConfigError, nearest
from convboard.experiment.run_summary import CURVES
from convboard.files import read_text

PLACES = ("epoch", "step", "time")  # what a curve is drawn against: columns of the file
_LONGEST = 100_000_000  # bytes of a file


@dataclass(frozen=True)
class Curve:
    """A metric of one run, with a value for each epoch.

    Attributes:
        at: The epochs, the steps, or the times in seconds since the first epoch has ended.
        values: The metric.
    """

    at: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class MeanCurve:
    """The mean of curves.

    Attributes:
        at: Where its values are; of times, the mean over the runs.
        means: Mean of the metric.
        deviations: Standard deviations, with n - 1 in the denominator; None for a single run.
        n: Number of runs.
    """

    at: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...] | None
    n: int


def read_curve(run_dir: Path, tag: str, at: str = "epoch") -> Curve | None:
    """Read a curve of a run; None if it has none, as before its first epoch and in runs of earlier versions.

    Args:
        run_dir: The run directory.
        tag: A metric, such as `loss/train` or `lr`.
        at: What it is drawn against.

    Raises:
        ConfigError: The file has no such metric.
    """
    header, *lines = curve_cells(run_dir)
    if not set(PLACES) <= set(header):
        return None
    if tag not in header:
        tags = [name for name in header if name not in PLACES]
        raise ConfigError(f"{tag!r} is not a curve of {run_dir.name}. {nearest(tag, tags)}")
    place, value = header.index(at), header.index(tag)
    points = []
    for line in lines:
        with suppress(ValueError, IndexError):  # a damaged line
            points.append((float(line[place]), float(line[value])))
    if not points:
        return None
    first = points[0][0] if at == "time" else 0.0
    return Curve(tuple(place - first for place, _ in points), tuple(value for _, value in points))


def curve_cells(run_dir: Path) -> list[list[str]]:
    """Return the lines of the curves of a run, of which the first names the columns; without a file an empty one."""
    with suppress(OSError, ValueError, csv.Error):
        whole, _, _ = read_text(run_dir / CURVES, _LONGEST).rpartition("\n")  # the last line may be half written
        return list(csv.reader(whole.splitlines())) or [[]]
    return [[]]


def mean_curve(curves: Sequence[Curve]) -> MeanCurve:
    """Return the mean of at least one curve, as far as the shortest goes: a mean of fewer runs would jump there.

    It is taken of values of the same epoch or step. Times differ in all places but the first: of these, it is taken in
    their order.
    """
    if len(common := set.intersection(*(set(curve.at) for curve in curves))) > 1:
        curves = [Curve(*zip(*(pair for pair in zip(one.at, one.values) if pair[0] in common))) for one in curves]
    length = min(len(curve.values) for curve in curves)
    columns = list(zip(*(curve.values[:length] for curve in curves), strict=True))
    places = zip(*(curve.at[:length] for curve in curves), strict=True)
    return MeanCurve(
        tuple(map(fmean, places)),
        tuple(map(fmean, columns)),
        tuple(map(stdev, columns)) if len(curves) > 1 else None,
        len(curves),
    )

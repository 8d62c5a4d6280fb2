"""The curves of runs."""

import math
from collections.abc import Sequence
from pathlib import Path

from tensorboard.data.provider import RunTagFilter

from convboard.experiment.run_summary import CURVES
from convboard.files import read_text
from convboard.plugins.provider_data import ProviderData

_SCALARS = "scalars"  # TensorBoard's own plugin
_MOST = 1_000  # points of a curve
_DIGITS = 7  # of a value, which is a 32-bit number


class Curves(ProviderData):
    """The scalars of a log directory, for one request."""

    def tags(self, runs: Sequence[str]) -> list[str]:
        """Return the tags that any of these runs has."""
        found = self._provider.list_scalars(**self._where, plugin_name=_SCALARS, run_tag_filter=RunTagFilter(runs=runs))
        return sorted({tag for tags in found.values() for tag in tags})

    def read(self, runs: Sequence[str], tag: str) -> dict[str, dict[str, list[float | None]]]:
        """Return `steps`, `values` and `times` of the runs that have a tag.

        Times are in seconds since 1970. A value that is not finite is None.
        """
        only = RunTagFilter(runs=runs, tags=[tag])
        found = self._provider.read_scalars(**self._where, plugin_name=_SCALARS, downsample=_MOST, run_tag_filter=only)
        return {
            run: {
                "steps": [point.step for point in curves[tag]],
                "values": [_rounded(point.value) for point in curves[tag]],
                "times": [round(point.wall_time, 2) for point in curves[tag]],
            }
            for run, curves in found.items()
            if tag in curves
        }


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def steps_per_epoch(run_dir: Path) -> int | None:
    """Return the number of steps of an epoch of a run, by its `curves.csv`; None where there is none."""
    try:
        epoch, step = read_text(run_dir / CURVES).splitlines()[1].split(",")[:2]
        return round(int(step) / int(epoch))
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        return None

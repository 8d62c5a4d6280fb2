"""What is drawn of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.errors import ConfigError, nearest
from convboard.results.curves import PLACES

FORMATS = (".html", ".png", ".svg")
KINDS = ("objective", "heat_map", "parallel", "curves", "importance")


@dataclass(frozen=True)
class PlotOptions:
    """What is drawn.

    Attributes:
        kinds: Some of `KINDS`; empty: all that the runs allow.
        keys: Keys in which the runs differ, or their last parts; empty: all, the most important ones first.
        tag: The metric of the curves; None: the objective.
        at: What the curves are drawn against, one of `curves.PLACES`.

    Raises:
        ConfigError: A kind or a place is not known.
    """

    kinds: Sequence[str] = ()
    keys: Sequence[str] = ()
    tag: str | None = None
    at: str = "epoch"

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise ConfigError(f"kind={kind} is no kind of figure. {nearest(kind, KINDS)}")
        if self.at not in PLACES:
            raise ConfigError(f"x={self.at}: curves are drawn against {', '.join(PLACES[:-1])} or {PLACES[-1]}.")


def check_format(out: Path) -> None:
    """Check that the name of a file has the end of one of `FORMATS`.

    Raises:
        ConfigError: It has not.
    """
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(f"out={out}: the name of the file must end with {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")

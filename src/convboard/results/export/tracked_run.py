"""A run as an experiment tracker gets it: config, curves, pictures and final metrics."""

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from convboard.board import tags
from convboard.board.stored_pictures import StoredPicture, read_pictures
from convboard.config.command_line import format_value
from convboard.results.curves import PLACES, curve_cells
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import value_text

_LONGEST_NAME = 200  # characters
Place = tuple[str, int]  # the tag and the step of a picture


@dataclass(frozen=True)
class Point:
    """The metrics of an epoch.

    Attributes:
        step: The global step after the epoch.
        time: When the epoch ended, in seconds since 1970.
        metrics: Finite values by tag.
    """

    step: int
    time: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class TrackedRun:
    """A run.

    Attributes:
        row: The run.
        differing: The keys in which the exported runs differ.
        chosen: Which pictures are exported: one of `trackers.PICTURES`.
    """

    row: RunRow
    differing: Sequence[str]
    chosen: str = "last"

    @cached_property
    def id(self) -> str:
        """What is the same whenever this run is exported, unless it has gone on since."""
        facts = (self.row.path.resolve(), self.row.started, self.row.state, self.row.ended)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """Its name, which begins with its number in a sweep: trackers often show the first letters alone."""
        number = "" if self.row.number is None else f"#{self.row.number} "
        return shortened(f"{number}{self.row.name}", _LONGEST_NAME)

    @property
    def group(self) -> str:
        """The name of its setting, which runs that differ in the seed alone have in common; empty if all do."""
        texts = [f"{key}={text}" for key in self.differing if key != SEED and (text := value_text(self.row, key))]
        return shortened(" ".join(texts), _LONGEST_NAME)

    @property
    def config(self) -> dict[str, Any]:
        """Its config, with the keys first in which the runs differ."""
        config = self.row.config
        return {key: config[key] for key in self.differing if key in config} | dict(config)

    @property
    def facts(self) -> dict[str, str]:
        """What is known of it beside its config and its metrics, as texts by name."""
        row = self.row
        found: dict[str, Any] = {"id": self.id, "state": row.state, "reason": row.reason, "path": row.path.resolve()}
        found |= {"command": row.command, "epochs": row.epochs, "seconds": row.seconds, "sweep": row.sweep}
        found |= {"started": _iso(row.started), "ended": _iso(row.ended)}
        told = {name: format_value(value) for name, value in found.items() if value is not None and value != ""}
        return {f"convboard.{name}": text for name, text in told.items()} | {
            f"environment.{name}": text for name, text in row.environment.items()
        }

    @property
    def described(self) -> dict[str, Any]:
        """All of these, for trackers that have one table for them: what differs, and how it ended, comes first."""
        first = {key: value for key, value in self.config.items() if key in self.differing}
        return first | self.facts | self.config

    @cached_property
    def points(self) -> list[Point]:
        """Its curves: the metrics of each epoch."""
        header, *lines = curve_cells(self.row.path)
        found = []
        if set(PLACES) <= set(header):
            for cells in lines:
                with suppress(ValueError):  # a damaged line
                    line = dict(zip(header, map(float, cells), strict=True))
                    step, time = int(line.pop("step")), line.pop("time")
                    finite = {tag: value for tag, value in line.items() if math.isfinite(value)}
                    found.append(Point(step, time, finite))
        return found

    @property
    def final(self) -> dict[str, float]:
        """The metrics of its best epoch, by the tag that they have in TensorBoard too, such as `best/accuracy/val`."""
        return {tags.best(tag): value for tag, value in self.row.metrics.items() if math.isfinite(value)}

    @property
    def last_step(self) -> int:
        """The step of its last epoch."""
        return self.points[-1].step if self.points else 0

    def pictures(self, kept: Collection[Place] = ()) -> list[StoredPicture]:
        """Return its pictures, from its event files: those that are chosen, and those of the places to be kept."""
        if self.chosen == "none" and not kept:
            return []
        found = read_pictures(self.row.path, is_only_last=self.chosen == "last" and not kept)
        last = {picture.tag: picture.step for picture in found}
        return [picture for picture in found if place(picture) in kept or self._is_chosen(picture, last)]

    def _is_chosen(self, picture: StoredPicture, last: Mapping[str, int]) -> bool:
        return self.chosen == "all" or (self.chosen == "last" and picture.step == last[picture.tag])


def place(picture: StoredPicture) -> Place:
    """Return the tag and the step of a picture."""
    return picture.tag, picture.step


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: the middle of a longer one is left out."""
    half = most // 2
    return text if len(text) <= most else f"{text[: half - 1]}…{text[-(most - half) :]}"


def _iso(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")

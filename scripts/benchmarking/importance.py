"""How exact the importance of a key is in searches in which it is known, with Optuna and without it."""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.results.importance import importance as importance_of
from convboard.results.run_row import RunRow
from convboard.results.setting import Setting
from convboard.sweeps.search.optuna_version import require_optuna
from convboard.sweeps.store.entries import State

_SETTINGS = (10, 20, 40, 100, 300)
_SEARCHES = 5  # for each number of settings, times the number of rounds
_FIRST_SEED = 1000  # those below were used when the number of groups was chosen
_PENALTY = {"a": 0.0, "b": 0.02, "c": 0.03}


@dataclass(frozen=True)
class _Function:
    """An objective of which the share of the variance that each key explains alone is known.

    Attributes:
        of: The objective without noise, of `x` and `y` from 0 to 1 and of `model`; a third number, `none`, is ignored.
        variances: What each key explains alone.
        others: The variance that keys explain together.
        noise: Standard deviation of the noise.
    """

    of: Callable[[float, float, str], float]
    variances: Mapping[str, float]
    others: float
    noise: float

    def shares(self) -> dict[str, float]:
        """Return the true shares."""
        total = sum(self.variances.values()) + self.others + self.noise**2
        return {key: self.variances.get(key, 0.0) / total for key in ("x", "y", "model", "none")}


_MODEL = (0.02**2 + 0.03**2) / 3 - (0.05 / 3) ** 2
_FUNCTIONS = {
    # The number of groups was chosen with this one and other seeds, and not with the others.
    "peak": _Function(
        lambda x, _, model: 0.98 - 0.32 * (x - 0.5) ** 2 - _PENALTY[model],
        {"x": 0.32**2 / 180, "model": _MODEL},
        0.0,
        0.004,
    ),
    "threshold": _Function(  # such as a learning rate from which on training diverges
        lambda x, y, model: (0.9 if x < 0.62 else 0.1) + 0.05 * y - _PENALTY[model],
        {"x": 0.8**2 * 0.62 * 0.38, "y": 0.05**2 / 12, "model": _MODEL},
        0.0,
        0.02,
    ),
    "product": _Function(lambda x, y, _: x * y, {"x": 1 / 48, "y": 1 / 48}, 1 / 144, 0.05),
}

Shares = Mapping[str, float]
Known = list[tuple[dict[str, Any], float]]  # the values and the objective of each setting


def importance(rounds: int) -> list[Section]:
    """Measure the error of the shares of variance, and the time.

    Args:
        rounds: Factor of the number of searches.
    """
    require_optuna("tpe")
    methods = {"groups": 0, "fANOVA": max(_SETTINGS)}
    progress = Progress("importance", [count * rounds for _ in _FUNCTIONS for count in _SETTINGS])
    rows: list[dict[str, Cell]] = []
    for title, function in _FUNCTIONS.items():
        for count in _SETTINGS:
            progress.begin(f"{title}, {count} settings")
            searches = [_search(function, count, _FIRST_SEED + seed) for seed in range(_SEARCHES * rounds)]
            row: dict[str, Cell] = {"objective": title, "settings": count}
            for name, most in methods.items():
                began = time.process_time()
                found = [importance_of(_settings(known), most) for known in searches]
                row[f"{name}, error"] = fmean(_error(shares, function.shares()) for shares in found)
                row[f"{name}, s"] = (time.process_time() - began) / len(searches)
            rows.append(row)
    formats = dict.fromkeys(rows[0], ".3f") | {"objective": "", "settings": "d"}
    return [Section("Error of the shares (root mean square), and seconds of CPU", formats, rows)]


def _search(function: _Function, count: int, seed: int) -> Known:
    draw = random.Random(seed)
    known: Known = []
    for _ in range(count):
        x, y, model = draw.random(), draw.random(), draw.choice("abc")
        values = {"x": x, "y": y, "model": model, "none": draw.random()}
        known.append((values, function.of(x, y, model) + draw.gauss(0, function.noise)))
    return known


def _error(found: Shares, true: Shares) -> float:
    return math.sqrt(fmean((found.get(key, 0.0) - share) ** 2 for key, share in true.items()))


def _settings(known: Known) -> list[Setting]:
    return [Setting(values, (_row(objective),)) for values, objective in known]


def _row(objective: float) -> RunRow:
    return RunRow(Path(), "", State.FINISHED, config={"objective": "loss/val"}, metrics={"loss/val": objective})

"""How exact the importance of a key is in searches in which it is known, beside the evaluators of Optuna."""

import math
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import BaseImportanceEvaluator, FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.results.importance import importance as importance_of
from convboard.results.run_row import RunRow
from convboard.results.setting import Setting
from convboard.sweeps.store.journal import State

_SETTINGS = (10, 20, 40, 100, 300)
_SEARCHES = 5  # for each number of settings, times the number of rounds
_PENALTY = {"a": 0.0, "b": 0.02, "c": 0.03}
_NOISE = 0.004
# The variance of 0.02 x^2 for x from -2 to 2, and of the three penalties; `none` explains nothing.
_VARIANCES = {"lr": 0.02**2 * (16 / 5 - (4 / 3) ** 2), "model": (0.02**2 + 0.03**2) / 3 - (0.05 / 3) ** 2, "none": 0.0}

Shares = Mapping[str, float]
Known = list[tuple[dict[str, Any], float]]  # the values and the objective of each setting


def importance(rounds: int) -> list[Section]:
    """Measure the error of the shares of variance, and the time.

    Args:
        rounds: Factor of the number of searches.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    methods: dict[str, Callable[[Known], Shares]] = {
        "convboard": _of_convboard,
        "fANOVA": lambda known: _of_optuna(known, FanovaImportanceEvaluator(seed=0)),
        "PED-ANOVA": lambda known: _of_optuna(known, PedAnovaImportanceEvaluator()),
    }
    progress = Progress("importance", [count * rounds for count in _SETTINGS])
    rows: list[dict[str, Cell]] = []
    for count in _SETTINGS:
        progress.begin(f"{count} settings")
        searches = [_search(count, seed) for seed in range(_SEARCHES * rounds)]
        row: dict[str, Cell] = {"settings": count}
        for name, method in methods.items():
            began = time.process_time()
            row[f"{name}, error"] = fmean(_error(method(known)) for known in searches)
            row[f"{name}, s"] = (time.process_time() - began) / len(searches)
        rows.append(row)
    formats = dict.fromkeys(rows[0], ".3f") | {"settings": "d"}
    return [Section("Error of the shares (root mean square), and seconds of CPU", formats, rows)]


def _search(count: int, seed: int) -> Known:
    draw = random.Random(seed)
    known = []
    for _ in range(count):
        values: dict[str, Any] = {"lr": 10 ** draw.uniform(-4, 0), "model": draw.choice("abc"), "none": draw.random()}
        best = 0.98 - 0.02 * (math.log10(values["lr"]) + 2) ** 2 - _PENALTY[values["model"]]
        known.append((values, best + draw.gauss(0, _NOISE)))
    return known


def _error(shares: Shares) -> float:
    total = sum(_VARIANCES.values()) + _NOISE**2
    return math.sqrt(fmean((shares.get(key, 0.0) - one / total) ** 2 for key, one in _VARIANCES.items()))


def _of_convboard(known: Known) -> Shares:
    return importance_of([Setting(values, (_row(objective),)) for values, objective in known])


def _row(objective: float) -> RunRow:
    return RunRow(Path(), "", State.FINISHED, config={"objective": "loss/val"}, metrics={"loss/val": objective})


def _of_optuna(known: Known, evaluator: BaseImportanceEvaluator) -> Shares:
    """Return what Optuna says; numbers are given as their ranks, so that none lies far from the others."""
    columns = {key: [values[key] for values, _ in known] for key in _VARIANCES}
    distributions: dict[str, BaseDistribution] = {}
    for key, column in columns.items():
        kinds = sorted(set(column))
        if isinstance(kinds[0], str):
            distributions[key] = CategoricalDistribution(kinds)
        else:
            distributions[key] = IntDistribution(0, len(kinds) - 1)
            columns[key] = [kinds.index(value) for value in column]
    study = optuna.create_study(direction="maximize")
    for at, (_, objective) in enumerate(known):
        parameters = {key: column[at] for key, column in columns.items()}
        study.add_trial(optuna.create_trial(params=parameters, distributions=distributions, value=objective))
    shares = evaluator.evaluate(study)
    is_share = isinstance(evaluator, FanovaImportanceEvaluator)  # PED-ANOVA has no unit
    total = 1.0 if is_share else sum(shares.values()) or 1.0
    return {key: float(share) / total for key, share in shares.items()}

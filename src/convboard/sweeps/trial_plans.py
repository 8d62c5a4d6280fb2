"""The execution plans of the trials of a sweep, chosen before any of them starts.

A trial that measured its plan itself would do so beside its neighbours, and its result would depend on them. So trials
of one kind get their plan once, on the quiet machine, as overrides: the command of a trial alone gives the same bits.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from convboard.config.command_line import format_value
from convboard.sweeps.forked_process import connected
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.trials import Trial

Plan = Mapping[str, Any]  # as `training.execution_plan.plan.Plan.to_dict` gives it
_ON_CPU = ("channels_last", "precision")  # what a measurement decides, since the number of threads is given
_PARTS = (*_ON_CPU, "compile", "cuda_graph")
PLAN_KEYS = (*_PARTS, "plan")  # of the trainer, that may be set here
_UNSET = (None, "auto")
_LENGTH = ("max_epochs", "limit_train_batches", "limit_val_batches", "limit_test_batches", "patience")
_MIN_STEPS = 20  # in a shorter run nothing is measured; see `training.execution_plan.measure_plans`
_MOST_SECONDS = 120.0  # for the plans of all kinds; those that are left compute by the default plan


def with_plans(trials: Sequence[Trial], choose: Callable[[Trial], Plan | None]) -> list[Trial]:
    """Fix the plan of each trial that would otherwise measure one.

    Args:
        trials: The trials, with their numbers of threads.
        choose: Returns the plan of a run; None if it has none.
    """
    longest: dict[str, Trial] = {}
    for trial in filter(_measures, trials):
        other = longest.setdefault(kind(trial), trial)
        if trial.config["trainer"]["max_epochs"] > other.config["trainer"]["max_epochs"]:
            longest[kind(trial)] = trial
    plans = {name: None if _is_short(trial) else choose(trial) for name, trial in longest.items()}
    return [with_plan(trial, plans.get(kind(trial))) for trial in trials]


def with_plan(trial: Trial, plan: Plan | None) -> Trial:
    """Fix the plan of a trial if it would otherwise measure one.

    Args:
        trial: The trial.
        plan: The plan; None for the default, where nothing is measured.
    """
    trainer = trial.config["trainer"]
    return _fixed(trial, {"plan": "default"} if plan is None else {key: plan[key] for key in _open(trainer, plan)})


def _fixed(trial: Trial, chosen: Mapping[str, Any]) -> Trial:
    """Set keys of the trainer of a trial that would otherwise measure its plan."""
    if not _measures(trial):
        return trial
    trainer = trial.config["trainer"]
    overrides = tuple(f"trainer.{key}={format_value(value)}" for key, value in chosen.items())
    config = {**trial.config, "trainer": {**trainer, **chosen}}
    return replace(trial, overrides=(*trial.overrides, *overrides), config=config)


def chosen_keys(trials: Sequence[Trial], planned: Sequence[Trial]) -> dict[str, dict[str, Any]]:
    """Return what `with_plans` has chosen, for trials of the same kinds that are added later.

    Args:
        trials: The trials.
        planned: What `with_plans` has made of them.

    Returns:
        By kind, the keys of the trainer that were set.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for before, after in zip(trials, planned, strict=True):
        then, now = before.config["trainer"], after.config["trainer"]
        chosen.setdefault(kind(before), {}).update({key: now[key] for key in now if now[key] != then[key]})
    return chosen


def with_chosen_keys(trial: Trial, chosen: Mapping[str, Any]) -> Trial:
    """Fix the plan of a trial that is added later; see `chosen_keys`.

    Args:
        trial: The trial.
        chosen: What was chosen for its kind.
    """
    trainer = trial.config["trainer"]
    return _fixed(trial, {key: value for key, value in chosen.items() if key == "plan" or trainer[key] in _UNSET})


def kind(trial: Trial) -> str:
    """Return what the plan of a trial depends on: its network, its data and how it computes, but not its length."""
    config = trial.config
    trainer = {key: value for key, value in config["trainer"].items() if key not in (*_LENGTH, *PLAN_KEYS)}
    parts = [config["model"], config["data_dir"], config["dataset"], config["batch_size"], config["loss"]["name"]]
    return json.dumps([*parts, config["optimizer"]["_target_"], trainer], sort_keys=True)


def _measures(trial: Trial) -> bool:
    """Return whether a trial might measure its plan."""
    trainer = trial.config["trainer"]
    if trainer["plan"] not in ("auto", "measure") or trainer["deterministic"] or trainer["compile"]:
        return False
    is_open = [trainer[key] in _UNSET for key in (_PARTS if trainer["device"] != "cpu" else _ON_CPU)]
    return any(is_open)


def _open(trainer: Mapping[str, Any], plan: Plan) -> list[str]:
    """Return the keys of a trainer that a plan sets."""
    parts = _ON_CPU if plan["device"] == "cpu" else _PARTS
    return [key for key in parts if trainer[key] in _UNSET]


def _is_short(trial: Trial) -> bool:
    """Return whether a run is known to be too short for a measurement."""
    trainer = trial.config["trainer"]
    limit = trainer["limit_train_batches"]
    return limit is not None and trainer["plan"] == "auto" and limit * trainer["max_epochs"] < _MIN_STEPS


class PlanProcesses:
    """Chooses plans, each in a process of its own, one after another so that none disturbs the measurement of another.

    Args:
        slot: The place where they compute.
        target: The function that reports the plan of a trial, as `module:name`. It gets the trial, and where to report.
    """

    def __init__(self, slot: Slot, target: str) -> None:
        self._slot, self._target = slot, target
        self._ends = time.monotonic() + _MOST_SECONDS

    def __call__(self, trial: Trial) -> Plan | None:
        """Return the plan of a run; None if it has none, or time is over. Why it has none, the run itself will tell."""
        environment = {**os.environ, **self._slot.environment}
        process, reports = connected(self._target, environment, trial, name="plan")
        try:
            is_there = reports.poll(max(0.0, self._ends - time.monotonic()))
            return dict(reports.recv()) if is_there else None
        except EOFError:
            return None
        finally:
            process.kill()
            process.join()
            process.close()
            reports.close()

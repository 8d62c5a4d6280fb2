"""The check of the trials of a sweep before anything is started.

Processes that are forked from the warm server check them side by side, as a single run checks itself before its first
step. Trials that differ only in what such a check does not read share one.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from convboard.errors import ConfigError
from convboard.experiment.console import counted
from convboard.sweeps.forked_process import connected
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.running_trial import death
from convboard.training.execution_plan.other_load import core_count

# What neither the construction of a run nor its first step reads.
_UNREAD = ("seed", "objective", "board", "resume")
_UNREAD_IN = {
    "dataset": ("crop_border", "horizontal_flip", "num_workers"),
    "loss": ("label_smoothing",),
    "trainer": ("checkpoint_minutes", "gradient_clip", "patience", "rank_timeout"),
}
_TICK = 1.0  # seconds


@dataclass(frozen=True)
class Checked:
    """What the process of a check reports of a trial.

    Attributes:
        number: The trial.
        failure: Why it cannot be run, as a run of its own would print it; empty if it can.
    """

    number: int
    failure: str = ""


@dataclass(frozen=True)
class Remark:
    """What a check logs, such as that it downloads a data set.

    Attributes:
        text: The message.
    """

    text: str


@dataclass
class _Process:
    """A process that checks trials.

    Attributes:
        process: The process.
        connection: The connection to it.
        slot: Its place.
        todo: The trials that it has been given and has not reported on.
        is_fresh: Whether it has reported on none yet.
    """

    process: BaseProcess
    connection: Connection
    slot: Slot
    todo: list[Trial]
    is_fresh: bool = True


class TrialChecks:
    """Checks trials, some at the same time.

    Args:
        slots: The places where they would run.
        target: The function that checks trials in its process, as `module:name`. It gets a connection.
        tell: Is called with what the checks log, each text once.
        on_progress: Is called with the number of checks done and their total.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        target: str,
        tell: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        is_on_cpu = not slots[0].environment
        self._free = list(slots[: core_count() if is_on_cpu else None])
        self._target, self._tell, self._on_progress = target, tell, on_progress
        self._told: set[str] = set()
        self._done: dict[int, str] = {}
        self._certain: set[str] = set()  # sentences for the user, not tracebacks, that a fresh process has reported
        self._waiting: list[list[Trial]] = []  # those in a list are checked by one process
        self._again: list[Trial] = []  # each is checked by a process of its own
        self._processes: list[_Process] = []

    def failures(self, trials: Iterable[Trial]) -> dict[int, str]:
        """Check trials. Returns why some cannot be run, by their numbers."""
        alike: dict[str, list[Trial]] = {}
        for trial in trials:
            alike.setdefault(_read_by_check(trial), []).append(trial)
        self._waiting = _groups(members[0] for members in alike.values())
        try:
            while self._start() or self._processes:
                self._read()
                self._on_progress(len(self._done), len(alike))
        finally:
            for one in self._processes:
                one.process.kill()
        failed = [members for members in alike.values() if self._done[members[0].number]]
        found = {trial.number: self._done[members[0].number] for members in failed for trial in members}
        return dict(sorted(found.items()))

    def _start(self) -> bool:
        """Start processes where there is a place. Returns whether one was started."""
        is_started = False
        while self._free and (self._waiting or self._again):
            trials = self._waiting.pop(0) if self._waiting else [self._again.pop(0)]
            slot = self._free.pop(0)
            environment = {**os.environ, **slot.environment}
            process, connection = connected(self._target, environment, duplex=True, name="check")
            connection.send(trials)
            self._processes.append(_Process(process, connection, slot, trials))
            is_started = True
        return is_started

    def _read(self) -> None:
        """Wait until something is reported, at most for a tick, and handle it."""
        ready = wait([one.connection for one in self._processes], timeout=_TICK)
        for one in [one for one in self._processes if one.connection in ready]:
            try:
                report = one.connection.recv()
            except (EOFError, OSError):
                self._end(one)
                continue
            if isinstance(report, Checked):
                self._note(one, report.failure)
                self._go_on(one)
            elif report.text not in self._told:
                self._told.add(report.text)
                self._tell(report.text)

    def _go_on(self, one: _Process) -> None:
        """Give a process that has nothing left to do the next trials, or end it."""
        if one.todo:
            return
        if not self._waiting:
            self._end(one)
            return
        one.todo = self._waiting.pop(0)
        one.connection.send(one.todo)

    def _note(self, one: _Process, failure: str) -> None:
        """Note what is known of the next trial of a process, in which earlier trials may have left something behind."""
        trial = one.todo.pop(0)
        if failure and not one.is_fresh and failure not in self._certain:
            self._again.append(trial)
        else:
            self._done[trial.number] = failure
        if one.is_fresh and not failure.startswith("\n"):
            self._certain.add(failure)
        one.is_fresh = False

    def _end(self, one: _Process) -> None:
        """End a process that has nothing left to do, or has ended by itself."""
        one.connection.close()
        one.process.join(_TICK)  # threads of the user's code may keep it
        one.process.kill()
        one.process.join()
        if one.todo:
            self._note(one, f"its check ended: {death(one.process.exitcode)}")
        self._waiting += [one.todo] if one.todo else []
        one.process.close()
        self._processes.remove(one)
        self._free.append(one.slot)


def trials_to_check(pool: Connection) -> Iterator[Trial]:
    """Yield the trials that `TrialChecks` gives to this process, until it closes the connection."""
    while True:
        try:
            yield from pool.recv()
        except EOFError:
            return


def refuse_failing(trials: Sequence[Trial], failures: Mapping[int, str]) -> None:
    """Refuse a sweep of which trials cannot be run.

    Args:
        trials: Its trials.
        failures: What `TrialChecks.failures` returned.

    Raises:
        ConfigError: Some cannot; the first one is named, and the others are counted, unless all fail alike.
    """
    if not failures:
        return
    if len(failures) == len(trials) and len(set(failures.values())) == 1:
        raise ConfigError(next(iter(failures.values())))
    first = next(trial for trial in trials if trial.number in failures)
    name = f"trial {first.name}: " if first.swept else ""
    raise ConfigError(f"{name}{failures[first.number]}{_how_many(failures, failures[first.number], len(trials))}")


def _how_many(failures: Mapping[int, str], reason: str, trials: int) -> str:
    """Return what is added to the message of the first failure."""
    alike = sum(text == reason for text in failures.values())
    if len(failures) == 1:
        return ""
    share = "for this reason" if alike == len(failures) else f"{alike:,} of them for this reason"
    return f"\nIn all, {len(failures):,} of {counted(trials, 'trial')} cannot be run, {share}."


def _read_by_check(trial: Trial) -> str:
    """Return what a check reads of the config of a trial."""
    config = {key: value for key, value in trial.config.items() if key not in _UNREAD}
    for group, names in _UNREAD_IN.items():
        config[group] = {key: value for key, value in config[group].items() if key not in names}
    return json.dumps(config, sort_keys=True)


def _groups(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Put trials of the same network and the same data into one list, in which a first step is tried once."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        parts = [trial.config[key] for key in ("model", "data_dir", "dataset")]
        groups.setdefault(json.dumps(parts, sort_keys=True), []).append(trial)
    return list(groups.values())

"""What the pool's tests run as trials: functions of a module that a forked process can import, and without torch."""

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from convboard.errors import DataError
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.trial_checks import Checked, Remark, trials_to_check
from convboard.sweeps.workers.reports import Activity, End, Progress


def obey(folder: Path, trial: Trial, reports: Connection) -> None:
    """Do what the trial's config says, and note that it was done."""
    with (folder / f"done-{trial.number}").open("a") as file:
        file.write(f"{os.environ.get('PLACE', '')}\n")
    match trial.config["does"]:
        case "finish":
            reports.send(Progress(1, 1, 0.5, 100.0))
            reports.send(End(State.FINISHED, value=trial.number / 10, seconds=1.0))
        case "finish and stay" | "fail and stay":
            failed, finished = End(State.FAILED, "no"), End(State.FINISHED, value=trial.number / 10, seconds=1.0)
            reports.send(failed if trial.config["does"] == "fail and stay" else finished)
            time.sleep(60)
        case "tell its score":
            reports.send(End(State.FAILED, Path("/proc/self/oom_score_adj").read_text().strip()))
        case "fail":
            reports.send(End(State.FAILED, "ValueError: no"))
        case "exit":
            os._exit(3)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            _sleep(reports, saves=True)
        case "hang":
            _sleep(reports, saves=False)
        case "hang beside a child":
            child = subprocess.Popen(["sleep", "60"])
            (folder / f"child-{trial.number}").write_text(f"{child.pid}")
            _hang_in_loop()
        case str(does) if does.startswith("hang in "):
            log = os.open(folder / f"log-{trial.number}", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 2)
            reports.send(Activity("step 7"))
            {"loop": _hang_in_loop, "lock": _hang_in_lock, "stop": _stop}[does.removeprefix("hang in ")]()


def note_death(folder: Path, trial: Trial, reason: str) -> None:
    """Note why a trial has failed."""
    with (folder / f"death-{trial.number}").open("a") as file:
        file.write(reason)


def hang_at_death(folder: Path, trial: Trial, reason: str) -> None:
    """Note that a trial has failed, and do not return."""
    note_death(folder, trial, reason)
    time.sleep(60)


def _hang_in_loop() -> None:
    while True:
        pass


def _hang_in_lock() -> None:
    lock = threading.Lock()
    with lock:
        lock.acquire()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _sleep(reports: Connection, saves: bool) -> None:
    def save(*_: object) -> None:
        reports.send(End(State.INTERRUPTED))
        sys.exit()

    signal.signal(signal.SIGTERM, save if saves else signal.SIG_IGN)
    reports.send(Progress(1, 2, 0.5, 100.0))
    while True:
        time.sleep(0.05)  # a signal may reach another thread, which interrupts no sleep of this one


def check(pool: Connection) -> None:
    """Check trials as their configs say; a process that has checked a spoiling one fails all that follow."""
    is_spoilt = False
    for trial in trials_to_check(pool):
        pool.send(Remark("looking"))
        does = trial.config["model"]["does"]
        if does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        failure = "it cannot be" if does == "fail" else "something was left behind" if is_spoilt else ""
        is_spoilt |= does == "spoil"
        pool.send(Checked(trial.number, failure))


def whoami(told: str) -> tuple[int, str]:
    """The process that this is, and what it was told."""
    return os.getpid(), told


def refuse(text: str) -> None:
    """Raise a mistake of the user."""
    raise DataError(text, arguments=("path",))

"""What the pool's tests run as trials: functions of a module that a forked process can import, and without torch."""

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from convboard.sweeps.journal import State
from convboard.sweeps.reports import End, Progress
from convboard.sweeps.trials import Trial


def obey(folder: Path, trial: Trial, reports: Connection) -> None:
    """Do what the trial's config says, and note that it was done."""
    with (folder / f"done-{trial.number}").open("a") as file:
        file.write(f"{os.environ.get('PLACE', '')}\n")
    match trial.config["does"]:
        case "finish":
            reports.send(Progress(1, 1, 0.5, 100.0))
            reports.send(End(State.FINISHED, value=trial.number / 10, seconds=1.0))
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


def _sleep(reports: Connection, saves: bool) -> None:
    def save(*_: object) -> None:
        reports.send(End(State.INTERRUPTED))
        sys.exit()

    signal.signal(signal.SIGTERM, save if saves else signal.SIG_IGN)
    reports.send(Progress(1, 2, 0.5, 100.0))
    while True:
        time.sleep(60)

"""The process of a trial: whether it has ended, and what is said of its death."""

import multiprocessing
import signal
import subprocess
import time
from multiprocessing.process import BaseProcess
from types import SimpleNamespace
from typing import cast

import psutil

from convboard.sweeps.slots import Slot
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.running_trial import SERVER_ENDED, RunningTrial, death


def test_a_zombie_whose_server_has_ended_has_ended() -> None:
    """Without an init process in a container, nobody waits for it."""
    process = subprocess.Popen(["sleep", "60"])
    as_seen = cast(BaseProcess, SimpleNamespace(pid=process.pid, exitcode=SERVER_ENDED, is_alive=lambda: False))
    reports, _ = multiprocessing.Pipe(duplex=False)
    running = RunningTrial(Trial(0, (), {}, "0", {}), Slot(), as_seen, reports)
    assert not running.has_ended()
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert running.has_ended()
    process.wait()


def test_the_signal_of_a_death_may_have_no_name() -> None:
    assert death(-signal.SIGSEGV) == "its process was killed by SIGSEGV"
    assert death(-40) == "its process was killed by signal 40"


def test_the_time_in_which_a_trial_is_suspended_counts_for_no_limit() -> None:
    process = subprocess.Popen(["sleep", "60"], process_group=0)
    reports, _ = multiprocessing.Pipe(duplex=False)
    running = RunningTrial(Trial(0, (), {}, "0", {}), Slot(), cast(BaseProcess, process), reports)
    began, heard = running.began, running.heard
    running.suspend()
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    running.go_on(100.0)
    assert psutil.Process(process.pid).status() != psutil.STATUS_STOPPED
    assert (running.began, running.heard) == (began + 100, heard + 100)
    process.kill()
    process.wait()

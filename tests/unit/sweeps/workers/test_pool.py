"""The pool: every trial once, whatever happens to some of them, and no process left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from convboard.sweeps.forked_process import GRACE
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import SignOfLife, this_worker
from convboard.sweeps.store.stop_requests import request_stop
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers import pool
from convboard.sweeps.workers.limits import NO_LIMITS, Limits
from convboard.sweeps.workers.pool import Pool
from convboard.sweeps.workers.reports import Progress

OBEY = "trial_targets:obey"


class Heard:
    """Listens to a pool."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.ends: dict[int, Entry] = {}
        self.has_progress = threading.Event()

    def on_start(self, trial: Trial) -> None:
        self.events.append(f"start {trial.number}")

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        self.events.append(f"progress {trial.number}")
        self.has_progress.set()

    def on_end(self, trial: Trial, end: Entry) -> None:
        self.events.append(f"end {trial.number}")
        self.ends[trial.number] = end

    def on_stop(self, reason: str) -> None:
        self.events.append(f"stop: {reason}")

    def on_tick(self) -> None:
        pass


def sweep_of(folder: Path, does: Sequence[str]) -> Sweep:
    """A sweep whose trials do this."""
    trials = [
        Trial(0, (f"seed={seed}",), {"seed": str(seed)}, f"seed={seed}", {"does": what, "seed": seed})
        for seed, what in enumerate(does)
    ]
    return Sweep.create(folder, SweepRecord("train.py -m", ("seed",), "accuracy/val", "abc", {}), trials)


def run(sweep: Sweep, slots: int = 2, limits: Limits = NO_LIMITS) -> Heard:
    heard = Heard()
    places = [Slot({"PLACE": str(place)}) for place in range(slots)]
    Pool(sweep, this_worker(), places, OBEY, heard, "trial_targets:note_death", limits).run()
    return heard


def stop_when_it_runs(workers: Pool, heard: Heard, times: int) -> None:
    def stop() -> None:
        heard.has_progress.wait()
        for _ in range(times):
            workers.stop()

    threading.Thread(target=stop).start()


def states(sweep: Sweep) -> list[State]:
    sweep.refresh()
    return [sweep.journal.state(trial.number) for trial in sweep.trials]


def children() -> list[psutil.Process]:
    """The processes of trials: those below the fork server."""
    servers = []
    for child in psutil.Process().children():
        with suppress(psutil.ZombieProcess):  # what another test has left to the end of this process
            servers += [child] if "multiprocessing.forkserver" in " ".join(child.cmdline()) else []
    return [process for server in servers for process in server.children(recursive=True)]


def test_each_trial_costs_itself_alone(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["fail", "finish", "exit", "die", "finish"])
    heard = run(sweep)
    assert states(sweep) == [State.FAILED, State.FINISHED, State.FAILED, State.FAILED, State.FINISHED]
    assert {number: end.reason for number, end in heard.ends.items()} == {
        0: "ValueError: no",
        1: "",
        2: "its process ended with exit code 3 and without a word",
        3: "its process was killed by SIGKILL; the usual reason is that memory ran out",
        4: "",
    }
    assert heard.ends[4].value == 0.4
    assert {path.name: path.read_text() for path in tmp_path.glob("death-*")} == {
        f"death-{number}": heard.ends[number].reason for number in (2, 3)
    }
    assert heard.events.index("start 1") < heard.events.index("progress 1") < heard.events.index("end 1")
    assert {(tmp_path / f"done-{number}").read_text() for number in range(5)} <= {"0\n", "1\n"}
    assert not children()


def test_a_free_slot_asks_for_further_trials(tmp_path: Path) -> None:
    """So that all slots are busy while a search goes on."""
    sweep = sweep_of(tmp_path, ["finish"])
    asked_while_running = []

    def propose() -> bool:
        asked_while_running.append(sum(1 for _ in sweep.journal.running()))
        number = len(sweep.trials)
        if number == 5:
            return False
        new = replace(sweep.trials[0], swept={"seed": str(number)}, folder=f"seed={number}")
        return sweep.trials.add_block([new])

    heard = Heard()
    Pool(sweep, this_worker(), [Slot(), Slot()], OBEY, heard, propose=propose).run()
    assert states(sweep) == [State.FINISHED] * 5
    assert max(asked_while_running) == 1
    assert heard.events[:2] == ["start 0", "start 1"]


@pytest.mark.parametrize(("place", "beside"), [({}, 1), ({"PLACE": "a GPU"}, 0)])
def test_a_place_on_a_cpu_is_free_before_the_process_of_a_finished_trial_has_left(
    place: dict[str, str], beside: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU there may be no memory for the next one."""
    monkeypatch.setattr(pool, "GRACE", 0.2)
    sweep, found = sweep_of(tmp_path, ["finish and stay", "finish"]), []

    class Looking(Heard):
        def on_start(self, trial: Trial) -> None:
            super().on_start(trial)
            found.append(len(children()) - 1)

    heard = Looking()
    Pool(sweep, this_worker(), [Slot(place)], OBEY, heard).run()
    assert heard.events == ["start 0", "end 0", "start 1", "progress 1", "end 1"]
    assert found == [0, beside]
    assert states(sweep) == [State.FINISHED] * 2
    assert not children()


def test_a_failed_trial_whose_process_stays_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.2)
    heard = run(sweep := sweep_of(tmp_path, ["fail and stay", "finish"]), slots=1)
    assert states(sweep) == [State.FAILED, State.FINISHED]
    assert heard.ends[0].reason == "no"
    assert not children()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a score")
def test_a_trial_is_killed_before_the_pool_when_memory_runs_out(tmp_path: Path) -> None:
    heard = run(sweep_of(tmp_path, ["tell its score"]))
    assert int(heard.ends[0].reason) > int(Path("/proc/self/oom_score_adj").read_text())


def test_a_sweep_that_is_done_starts_nothing(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["finish"])
    run(sweep)
    assert run(Sweep.open(tmp_path)).events == []


@pytest.mark.parametrize("does", ["sleep", "hang"])
def test_when_it_is_stopped_the_trials_save_and_none_is_left(
    tmp_path: Path, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.5)
    sweep = sweep_of(tmp_path, [does, does, "finish"])
    heard = Heard()
    workers = Pool(sweep, this_worker(), [Slot(), Slot()], OBEY, heard)
    stop_when_it_runs(workers, heard, 1)
    workers.run()
    assert states(sweep) == [State.INTERRUPTED, State.INTERRUPTED, State.WAITING]
    assert heard.ends[0].reason == "the sweep was stopped"
    assert not children()


@pytest.mark.thorough
def test_when_a_trial_fails_the_others_are_stopped_on_request(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "fail", "finish"])
    heard = run(sweep, limits=Limits(stops_on_failure=True))
    assert states(sweep) == [State.INTERRUPTED, State.FAILED, State.WAITING]
    assert heard.ends[0].reason == "the sweep was stopped"
    assert "stop: sweep.on_failure=stop, and a trial has failed" in heard.events
    again = run(Sweep.open(tmp_path), limits=Limits(stops_on_failure=True, max_minutes=0.02))  # failed before
    assert [event for event in again.events if event.startswith("start")] == ["start 0", "start 2"]


@pytest.mark.thorough
def test_the_time_of_a_sweep_is_limited(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "sleep", "finish"])
    heard = run(sweep, limits=Limits(max_minutes=0.02))
    assert states(sweep) == [State.INTERRUPTED, State.INTERRUPTED, State.WAITING]
    assert heard.events.count("stop: sweep.max_minutes=0.02 have passed") == 1
    assert not children()


@pytest.mark.thorough
def test_a_request_to_stop_is_obeyed_by_those_that_it_is_meant_for(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "finish"])
    request_stop(tmp_path)  # before this worker was started
    heard = Heard()
    pool = Pool(sweep, this_worker(), [Slot()], OBEY, heard)

    def stop() -> None:
        heard.has_progress.wait()
        request_stop(tmp_path)

    threading.Thread(target=stop).start()
    pool.run()
    assert pool.ended_by == "the sweep was cancelled"
    assert states(sweep) == [State.INTERRUPTED, State.WAITING]
    submitted_before = Pool(sweep, this_worker(), [Slot()], OBEY, heard, stops=1)
    submitted_before.run()
    assert states(sweep) == [State.INTERRUPTED, State.WAITING]


def test_a_worker_that_has_had_nothing_to_do_for_long_ends_although_others_run_trials(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["finish", "sleep"])
    with SignOfLife(sweep.workers, other := replace(this_worker(), id="other")):
        sweep.journal.claim(other.id, [1])
        heard = run(sweep, limits=Limits(idle_minutes=0.002))
    assert states(sweep) == [State.FINISHED, State.RUNNING]
    assert heard.events[-1] == "stop: nothing to do for 0.002 minutes; others train what is left"


@pytest.mark.thorough
def test_the_time_of_a_trial_is_limited(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "finish"])
    heard = run(sweep, slots=1, limits=Limits(trial_minutes=0.1))
    assert states(sweep) == [State.FAILED, State.FINISHED]
    assert heard.ends[0].reason == "not done in sweep.trial_minutes=0.1; it goes on if it is retried"


@pytest.mark.parametrize(
    "how", ["lock", pytest.param("loop", marks=pytest.mark.thorough), pytest.param("stop", marks=pytest.mark.thorough)]
)
def test_a_trial_that_hangs_costs_itself_alone_and_shows_where(tmp_path: Path, how: str) -> None:
    sweep = sweep_of(tmp_path, [f"hang in {how}", "finish"])
    heard = run(sweep, slots=1, limits=Limits(hang_minutes=0.05))
    assert states(sweep) == [State.FAILED, State.FINISHED]
    wanted = "no progress for sweep.hang_minutes=0.05, the last sign of it was step 7; its log shows where it hung"
    assert heard.ends[0].reason == wanted
    if how != "stop":  # a stopped process can print nothing
        assert f" in _hang_in_{how}" in (tmp_path / "log-0").read_text()
    assert not children()


@pytest.mark.thorough
def test_the_processes_of_a_trial_that_is_killed_end_with_it(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["hang beside a child"])
    run(sweep, limits=Limits(hang_minutes=0.05))
    with suppress(psutil.NoSuchProcess):
        assert psutil.Process(int((tmp_path / "child-0").read_text())).status() == psutil.STATUS_ZOMBIE


def test_what_is_called_for_a_dead_trial_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CALL_SECONDS", 1000.0)
    sweep = sweep_of(tmp_path, ["die", "sleep"])
    heard = Heard()
    workers = Pool(sweep, this_worker(), [Slot(), Slot()], OBEY, heard, "trial_targets:hang_at_death")

    def stop() -> None:
        heard.has_progress.wait()
        while not (tmp_path / "death-0").exists():
            time.sleep(0.01)
        workers.stop()
        while "stop: interrupted" not in heard.events:
            time.sleep(0.01)
        workers.stop()

    threading.Thread(target=stop).start()
    workers.run()
    assert states(sweep) == [State.FAILED, State.INTERRUPTED]
    assert heard.events.index("stop: interrupted") < heard.events.index("end 0")
    assert not children()


def test_a_trial_that_another_worker_has_taken_over_is_left_to_it(tmp_path: Path) -> None:
    """As it may while this worker is suspended."""
    sweep = sweep_of(tmp_path, ["exit"])

    class TakesOver(Heard):
        def on_start(self, trial: Trial) -> None:
            other = Sweep.open(tmp_path).journal
            other.append(0, Entry(State.INTERRUPTED, "other", "lost"))
            assert other.claim("other", [0]) == 0

        def on_end(self, trial: Trial, end: Entry) -> None:
            super().on_end(trial, end)
            workers.stop()

    heard = TakesOver()
    workers = Pool(sweep, this_worker(), [Slot()], OBEY, heard, "trial_targets:note_death")
    workers.run()
    assert heard.ends[0] == Entry(State.INTERRUPTED, reason="another worker goes on with it")
    assert sweep.journal.holder(0) == "other"
    assert not (tmp_path / "death-0").exists()


def test_a_signal_while_trials_are_started_starts_no_further_one(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "sleep"])

    class Stops(Heard):
        def on_start(self, trial: Trial) -> None:
            super().on_start(trial)
            workers.stop()

    heard = Stops()
    workers = Pool(sweep, this_worker(), [Slot(), Slot()], OBEY, heard)
    workers.run()
    assert "start 1" not in heard.events
    assert sweep.journal.state(1) is State.WAITING


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["hang"])
    heard = Heard()
    workers = Pool(sweep, this_worker(), [Slot()], OBEY, heard)
    stop_when_it_runs(workers, heard, 2)
    began = time.monotonic()
    workers.run()
    assert time.monotonic() - began < GRACE
    assert states(sweep) == [State.INTERRUPTED]


def test_a_trial_that_is_ended_from_outside_has_failed(tmp_path: Path) -> None:
    """It would otherwise be claimed and ended again and again."""
    sweep = sweep_of(tmp_path, ["sleep"])
    heard = Heard()

    def end_it() -> None:
        heard.has_progress.wait()
        for child in children():  # those of earlier tests may be about to leave
            child.terminate()

    threading.Thread(target=end_it).start()
    Pool(sweep, this_worker(), [Slot()], OBEY, heard).run()
    assert states(sweep) == [State.FAILED]


def start_pool(folder: Path) -> subprocess.Popen[bytes]:
    """Run the first trial of a sweep in another process, as a shell would, and wait until it has begun."""
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[3])]}
from pathlib import Path
from convboard.sweeps.workers.limits import NO_LIMITS, Limits
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.workers.pool import Pool
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.training import signals

class Quiet:
    def __getattr__(self, name): return lambda *_: None

if __name__ == "__main__":
    pool = Pool(Sweep.open(Path({str(folder)!r})), this_worker(), [Slot()], 'trial_targets:obey', Quiet())
    with signals.suspending(pool.suspend):
        pool.run()
"""
    pool = subprocess.Popen([sys.executable, "-c", code], process_group=0)
    while not (folder / "done-0").exists():
        assert pool.poll() is None
        time.sleep(0.01)
    return pool


def wait_for(process: psutil.Process, statuses: Sequence[str]) -> None:
    while process.status() not in statuses:
        time.sleep(0.01)


def test_ctrl_z_suspends_the_trials_too(tmp_path: Path) -> None:
    pool = start_pool(folder := sweep_of(tmp_path, ["sleep"]).folder)
    itself = psutil.Process(pool.pid)
    trial = max(itself.children(recursive=True), key=lambda process: process.create_time())
    for _ in range(2):
        itself.send_signal(signal.SIGTSTP)
        wait_for(itself, [psutil.STATUS_STOPPED])
        wait_for(trial, [psutil.STATUS_STOPPED])  # a process stops when it runs next, not when the signal is sent
        itself.send_signal(signal.SIGCONT)
        wait_for(trial, [psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING])
    trial.terminate()
    assert pool.wait() == 0
    assert Sweep.open(folder).journal.state(0) is State.FAILED  # ended from outside


def test_the_trials_of_a_pool_that_is_killed_end_and_go_on_elsewhere(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep", "finish"])
    killed = start_pool(tmp_path)
    trial = psutil.Process(killed.pid).children(recursive=True)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    _, alive = psutil.wait_procs(trial, timeout=10)
    assert not alive
    assert states(sweep) == [State.RUNNING, State.WAITING]
    changed = (tmp_path / "trials/00000.jsonl").read_text().replace("sleep", "finish")
    (tmp_path / "trials/00000.jsonl").write_text(changed)
    sweep = Sweep.open(tmp_path)
    run(sweep)
    assert states(sweep) == [State.FINISHED, State.FINISHED]
    assert [entry.state for entry in sweep.journal.entries(0)] == ["running", "interrupted", "running", "finished"]
    assert "has ended without a word" in sweep.journal.entries(0)[1].reason


@pytest.mark.thorough
def test_trials_of_a_fork_server_that_is_killed_save_and_go_on(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["sleep"])
    heard = Heard()
    workers = Pool(sweep, this_worker(), [Slot()], OBEY, heard)

    def kill_the_server() -> None:
        heard.has_progress.wait()
        heard.has_progress.clear()
        os.kill(children()[-1].ppid(), signal.SIGKILL)
        heard.has_progress.wait()  # of its second process
        workers.stop()

    threading.Thread(target=kill_the_server).start()
    workers.run()
    assert [entry.state for entry in sweep.journal.entries(0)] == ["running", "interrupted"] * 2
    assert sweep.journal.entries(0)[1].reason == "the server that its process was forked from has ended"
    assert not children()


def test_a_trial_that_costs_one_worker_after_another_is_given_up(tmp_path: Path) -> None:
    sweep = sweep_of(tmp_path, ["finish", "finish"])
    for loss in range(3):
        (sweep.workers / f"gone{loss}.json").write_text(json.dumps(this_worker().__dict__ | {"pid": 2**22 - 1}))
        if loss:
            sweep.journal.append(0, Entry(State.INTERRUPTED, reason=f"worker gone{loss - 1} has ended without a word"))
        assert sweep.journal.claim(f"gone{loss}", [0]) == 0
    heard = run(sweep)
    assert states(sweep) == [State.FAILED, State.FINISHED]
    assert heard.ends.keys() == {0, 1}
    assert (tmp_path / "death-0").read_text() == heard.ends[0].reason
    assert "for the third time with this trial" in sweep.journal.entries(0)[-1].reason

import os
import time
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from convboard.training.execution_plan import other_load
from convboard.training.execution_plan.other_load import OtherLoad, core_count


@pytest.mark.parametrize(
    ("idle", "own", "share"),
    [
        (8.0, 0.0, 0.0),  # of 4 cores in 2 s
        (4.0, 4.0, 0.0),
        (4.0, 2.0, 0.25),
        (0.0, 0.0, 1.0),
        (8.1, 0.1, 0.0),  # the clocks do not agree exactly
    ],
)
def test_it_is_what_is_neither_idle_nor_our_own(
    idle: float, own: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(wall=10.0, idle=0.0, own=0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 3, 5}, raising=False)
    monkeypatch.setattr(time, "perf_counter", lambda: now.wall)
    monkeypatch.setattr(time, "process_time", lambda: now.own)

    def cpu_times(percpu: bool) -> list[Any]:
        assert percpu
        return [SimpleNamespace(idle=now.idle / 4, iowait=0.0) for _ in range(6)]  # two of them are not ours

    monkeypatch.setattr(psutil, "cpu_times", cpu_times)
    load = OtherLoad()
    assert load.share() == 0.0
    now.wall, now.idle, now.own = 12.0, idle, own
    assert load.share() == pytest.approx(share)


@pytest.mark.parametrize(("quota", "count"), [(float("inf"), 4), (8.0, 4), (1.5, 2), (0.25, 1)])
def test_a_quota_leaves_fewer_cores(quota: float, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 3, 5}, raising=False)
    monkeypatch.setattr(other_load, "core_quota", lambda: quota)
    assert core_count() == count


def test_another_process_is_seen(busy_process: None) -> None:
    load = OtherLoad()
    time.sleep(0.3)
    assert load.share() > 0.5 / len(os.sched_getaffinity(0))


@pytest.fixture
def busy_process() -> Any:
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        time.sleep(0.2)
        yield
        process.kill()

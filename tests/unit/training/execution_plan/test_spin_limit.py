import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import torch

from convboard.training.execution_plan import spin_limit
from convboard.training.execution_plan.other_load import OtherLoad, usable_cores
from convboard.training.execution_plan.spin_limit import IdleThreads, limit_spinning


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.zeros(1 << 18).add_(1)  # the team of this thread is there from now on
    yield
    torch.set_num_threads(before)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The number of cores that other processes use, of as many as a test says."""
    used = [0.0]
    monkeypatch.setattr(OtherLoad, "cores", lambda _: used[0])
    monkeypatch.setattr(spin_limit, "FIRST", 0.01)
    monkeypatch.setattr(spin_limit, "PERIOD", 0.01)
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    return used


def threads() -> int:
    return psutil.Process().num_threads()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_threads_are_more_than_the_cores_while_cores_are_short(others: list[float]) -> None:
    before = threads()
    cores = len(usable_cores())
    with limit_spinning():
        others[0] = cores - 2 + 0.5
        wait_until(lambda: threads() >= before + 3)  # one watches the load, and two are a team
        others[0] = cores - 2 + 0.3
        wait_until(lambda: threads() == before + 1)
        others[0] = cores
        wait_until(lambda: threads() >= before + 3)
    wait_until(lambda: threads() == before)


def test_a_quota_makes_cores_short(others: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    before = threads()
    monkeypatch.setattr(spin_limit, "usable_cores", lambda: list(range(4)))
    monkeypatch.setattr(spin_limit, "core_count", lambda: 1)
    with limit_spinning():
        wait_until(lambda: threads() > before + 1)


@pytest.mark.parametrize("variable", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_user_has_set_is_kept(variable: str, others: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "passive" if variable == "OMP_WAIT_POLICY" else "1000")
    others[0] = 99.0
    before = threading.active_count()
    with limit_spinning():
        assert threading.active_count() == before


def test_one_thread_waits_for_nobody(others: list[float]) -> None:
    torch.set_num_threads(1)
    others[0] = 99.0
    before = threading.active_count()
    with limit_spinning():
        assert threading.active_count() == before


@pytest.mark.parametrize(("cores", "count", "teams"), [(2, 2, 1), (4, 2, 3), (8, 8, 1), (16, 6, 3)])
def test_as_many_teams_as_it_takes(cores: int, count: int, teams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spin_limit, "usable_cores", lambda: list(range(cores)))
    before = threading.active_count()
    idle = IdleThreads(count)
    assert threading.active_count() == before + teams
    assert 1 + (count - 1) * (1 + teams) > cores  # as GNU OpenMP counts them: the main thread and the teams
    idle.end()
    assert threading.active_count() == before

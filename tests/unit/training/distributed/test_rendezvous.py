import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest
from torch._C._distributed_c10d import HashStore

from convboard.errors import RankError
from convboard.training.distributed.rendezvous import StoreCommunicator
from convboard.training.distributed.watchdog import Failure, Watchdog, WatchSettings

FAILURE = Failure(1, "one and one is three", 1)
TERMINATED = Failure(1, "interrupted by SIGTERM", 128 + signal.SIGTERM)
BROKEN = RuntimeError("Connection closed by peer")
SIGTERM = KeyboardInterrupt(signal.SIGTERM)


class Process:
    """The process with rank 0 of two, whose watchdog ends nothing; the one with rank 1 never sends a heartbeat."""

    def __init__(self, settings: WatchSettings) -> None:
        store = HashStore()
        self.watchdog = Watchdog(store.clone(), 0, 2, settings, on_failure=lambda _: None)
        self.comm = StoreCommunicator(store, 0, 2, self.watchdog)

    def limits(self, steps: int) -> Iterator[float]:
        """The seconds that each of so many steps may take."""
        for step in range(1, steps + 1):
            with self.comm.watched(f"step {step}", "a step"):
                assert self.watchdog.activity is not None
                yield self.watchdog.activity.limit
        assert self.watchdog.activity is None


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[Process]:
    settings = getattr(request, "param", WatchSettings(heartbeat=0.001, grace=0.02))
    process = Process(settings)
    yield process
    process.watchdog.stop()


@pytest.mark.parametrize(
    ("process", "limits"),
    [(WatchSettings(2.0, compiles, grace=0.02), [first, 2.0]) for compiles, first in ((True, 30.0), (False, 2.0))],
    indirect=["process"],
)
def test_a_step_that_compiles_may_take_longer_but_not_for_ever(process: Process, limits: list[float]) -> None:
    assert list(process.limits(2)) == limits


class TestTheRootCause:
    @pytest.mark.parametrize("error", [BROKEN, ValueError("no such key"), SIGTERM], ids=["broken", "other", "SIGTERM"])
    def test_is_the_failure_of_another_process_if_one_is_known(self, process: Process, error: BaseException) -> None:
        process.watchdog.report(FAILURE)
        cause = process.comm.root_cause(error)
        assert isinstance(cause, RankError)
        assert (str(cause), cause.code) == ("rank 1: one and one is three", 1)

    @pytest.mark.parametrize("error", [KeyboardInterrupt(signal.SIGINT), SystemExit(1), RankError("rank 1: known", 1)])
    def test_of_what_nobody_else_causes_is_itself(self, process: Process, error: BaseException) -> None:
        process.watchdog.report(FAILURE)
        assert process.comm.root_cause(error) is error

    def test_of_the_process_that_failed_first_is_its_own_error(self, process: Process) -> None:
        process.watchdog.report(Failure(0, "one and one is three", 1))
        assert process.comm.root_cause(BROKEN) is BROKEN

    def test_of_a_sigterm_that_all_processes_got_is_that_signal(self, process: Process) -> None:
        process.watchdog.report(TERMINATED)
        assert process.comm.root_cause(SIGTERM) is SIGTERM
        assert isinstance(process.comm.root_cause(BROKEN), RankError)  # which was sent to the other alone

    @pytest.mark.parametrize("error", [BROKEN, SIGTERM], ids=["broken", "SIGTERM"])
    def test_of_a_broken_connection_is_looked_for(self, process: Process, error: BaseException) -> None:
        cause = process.comm.root_cause(error)
        assert str(cause) == "rank 1: it ended, or was stopped, before it sent a heartbeat."

    def test_of_an_error_of_the_network_is_not_looked_for(self, process: Process) -> None:
        mistake = ValueError("no such key")
        assert process.comm.root_cause(mistake) is mistake
        with suppress(RuntimeError), process.comm.watched("step 1"):
            raise BROKEN
        assert process.comm.root_cause(BROKEN) is BROKEN  # it came from a computation of this process

    def test_of_an_error_while_waiting_is_looked_for(self, process: Process) -> None:
        with suppress(RuntimeError), process.comm.watched("step 1"):
            process.comm.begin_waiting()
            raise BROKEN
        assert isinstance(process.comm.root_cause(BROKEN), RankError)

import threading

import pytest
from torch._C._distributed_c10d import HashStore

from convboard.training.distributed.heartbeats import Activity
from convboard.training.distributed.watchdog import Failure, Watchdog, WatchSettings

FAILURE = Failure(1, "one and one is three", 1)
STEP = Activity("step 7", number=7, since=100.0, limit=20.0)
QUICK = WatchSettings(heartbeat=0.001, grace=0.05)

Pair = tuple[Watchdog, Watchdog]


def make_watchdog(store: HashStore, rank: int) -> Watchdog:
    """The watchdog of one of two processes; it does not end the tests' process."""
    return Watchdog(store.clone(), rank, 2, QUICK, on_failure=lambda _: None)


@pytest.fixture
def pair() -> Pair:
    """The watchdogs of two processes, which check when a test calls `check`."""
    store = HashStore()
    return make_watchdog(store, 0), make_watchdog(store, 1)


def test_a_hung_process_reports_where_it_is(pair: Pair) -> None:
    first, second = pair
    first.activity = STEP
    first.now = 130.0
    first.check()
    assert first.failure is not None
    assert first.failure.text.startswith("no progress in step 7 for 30 s, at\n")
    assert "first.check()" in first.failure.text
    second.check()
    assert second.failure == first.failure


def test_a_stopped_process_is_named(pair: Pair) -> None:
    first, second = pair
    second.check()
    first.check()
    first.now = 19.9
    first.check()
    assert first.failure is None
    first.now = 20.1
    first.check()
    assert first.failure is not None
    assert (first.failure.rank, first.failure.code, first.failure.is_lost) == (1, 1, True)
    assert "sent no heartbeat for 20 s: it is stopped, or cut off." in first.failure.text


def test_a_process_that_was_stopped_itself_blames_nobody_for_that_time(pair: Pair) -> None:
    first, second = pair
    second.check()
    first.check()
    first.activity = STEP._replace(since=first.now)
    for before, now in ((0.0, 0.25), (0.25, 0.75), (0.75, 1000.0)):  # it is stopped for minutes after the second check
        first.tick(before, now)
    assert first.now == pytest.approx(0.75 + QUICK.heartbeat + 1)
    first.check()
    assert first.failure is None


def test_a_failure_reaches_the_others_and_the_first_counts(pair: Pair) -> None:
    first, second = pair
    assert second.report(FAILURE) == FAILURE
    assert first.report(Failure(0, "the connection broke", 1)) == FAILURE
    first.failure = None
    first.check()
    assert first.failure == FAILURE


def test_rank_0_prints_or_else_rank_1(pair: Pair) -> None:
    first, second = pair
    assert first.prints(FAILURE)
    assert not second.prints(FAILURE)
    assert second.prints(Failure(0, "killed", 1, is_lost=True))


def test_advice_follows_what_is_no_mistake_of_the_user(pair: Pair) -> None:
    first, _ = pair
    assert first.message(FAILURE) == "rank 1: one and one is three"
    first.advice = lambda: "Go on."
    assert first.message(FAILURE) == "rank 1: one and one is three\nGo on."
    assert first.message(Failure(1, "batch_size=0", 2)) == "rank 1: batch_size=0"


class TestTheCauseOfABrokenConnection:
    def test_a_process_that_was_killed(self, pair: Pair) -> None:
        first, _ = pair  # the second never checks again
        first.start()
        failure = first.find_cause()
        assert failure is not None
        assert (failure.rank, failure.is_lost) == (1, True)
        assert "is gone: it was killed" in failure.text

    def test_a_process_that_never_started(self) -> None:
        alone = make_watchdog(HashStore(), 0)
        alone.start()
        failure = alone.find_cause()
        assert failure is not None
        assert failure.text == "it ended, or was stopped, before it sent a heartbeat."

    def test_none_while_all_send_heartbeats(self, pair: Pair) -> None:
        first, second = pair
        done = threading.Event()

        def send() -> None:
            while not done.wait(0.001):
                second.check()

        sender = threading.Thread(target=send)
        sender.start()
        first.start()
        try:
            assert first.find_cause() is None
        finally:
            done.set()
            sender.join()
            first.stop()

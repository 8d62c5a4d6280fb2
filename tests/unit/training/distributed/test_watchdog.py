from collections.abc import Iterator

import pytest
from torch._C._distributed_c10d import HashStore

from convboard.training.distributed import watchdog
from convboard.training.distributed.failures import Doing, Failure
from convboard.training.distributed.watchdog import Watchdog

FAILURE = Failure(1, "one and one is three", 1)


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> tuple[Watchdog, Watchdog]:
    """Those of two processes, which look when they are told to."""
    monkeypatch.setattr(watchdog, "GRACE", 0.0)
    monkeypatch.setattr(watchdog, "BEAT", 0.001)
    store = HashStore()
    return Watchdog(store.clone(), 0, 2), Watchdog(store.clone(), 1, 2)


@pytest.fixture
def looking(watches: tuple[Watchdog, Watchdog], monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    """The first of them, looking by itself."""
    first, _ = watches
    monkeypatch.setattr(first, "_end", lambda: None)  # would end the tests
    first.start()
    yield first
    first.say_no_more()
    first.join()


def test_a_failure_reaches_the_others(watches: tuple[Watchdog, Watchdog]) -> None:
    first, second = watches
    assert second.fail(FAILURE).text == FAILURE.text
    first.look()
    assert first.failure == FAILURE
    assert first.is_speaker(first.failure)


def test_the_first_failure_counts(watches: tuple[Watchdog, Watchdog]) -> None:
    first, second = watches
    second.fail(FAILURE)
    assert first.fail(Failure(0, "the connection broke", 1)) == FAILURE


def test_for_a_first_process_that_is_gone_the_second_speaks(watches: tuple[Watchdog, Watchdog]) -> None:
    _, second = watches
    assert second.is_speaker(Failure(0, "killed", 1, is_silent=True))
    assert not second.is_speaker(FAILURE)


def test_one_that_comes_no_further_says_where_it_is(watches: tuple[Watchdog, Watchdog]) -> None:
    first, second = watches
    first.doing = Doing("step 7", number=7, since=-30.0, seconds=20.0)
    first.look()
    assert first.failure is not None
    assert first.failure.text.startswith("it came no further in step 7 for ")
    assert "first.look()" in first.failure.text
    second.look()
    assert second.failure is not None
    assert second.failure.rank == 0


def test_what_to_do_is_told_of_what_was_not_asked_for(watches: tuple[Watchdog, Watchdog]) -> None:
    first, _ = watches
    assert first.told(FAILURE) == "rank 1: one and one is three"
    first.advice = lambda: "Go on."
    assert first.told(FAILURE) == "rank 1: one and one is three\nGo on."
    assert first.told(Failure(1, "batch_size=0", 2)) == "rank 1: batch_size=0"


def test_a_process_without_a_sign_of_life_is_gone(looking: Watchdog) -> None:
    failure = looking.settle()
    assert failure is not None
    assert failure.rank == 1
    assert failure.is_silent
    assert "is gone: it was killed" in failure.text


def test_while_all_live_nobody_is_gone(
    looking: Watchdog, watches: tuple[Watchdog, Watchdog], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second = watches
    look = looking.look

    def both() -> None:
        second.look()
        look()

    monkeypatch.setattr(looking, "look", both)
    assert looking.settle() is None

"""The first signal counts, and what it does depends on what the command is doing."""

import signal
import threading

import pytest

from convboard.training import signals

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", ENDS)
def test_the_innermost_action_counts_and_only_for_the_first_signal(number: signal.Signals) -> None:
    got: list[int] = []
    before = [signal.getsignal(each) for each in ENDS]
    with signals.handling(lambda _: pytest.fail("not the outer one")), signals.handling(got.append):
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)
        assert signals.received() == number
    assert got == [number]
    assert signals.received() is None
    assert [signal.getsignal(each) for each in ENDS] == before


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handling(lambda _: pytest.fail("ignored")):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_raises_while_a_run_is_set_up() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, signals.raising():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.args == (signal.SIGTERM,)


def test_a_stop_request_notes_a_signal_also_one_that_came_before() -> None:
    with signals.handling(lambda _: None):
        signal.raise_signal(signal.SIGTERM)
        with signals.StopRequest() as stop:
            assert stop.signal == signal.SIGTERM
    with signals.StopRequest() as stop:
        assert stop.signal is None
        signal.raise_signal(signal.SIGINT)
        assert stop.signal == signal.SIGINT


def test_a_thread_leaves_signals_alone() -> None:
    handlers: list[object] = []

    def train() -> None:
        with signals.StopRequest():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]

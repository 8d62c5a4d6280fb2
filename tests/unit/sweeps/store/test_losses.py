"""A trial whose process was lost goes on, unless it is lost again and again."""

from pathlib import Path

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.losses import STOPPED, forget_losses, interrupt_lost, loss


def lose(journal: Journal) -> State:
    """Lose the process of trial 0, which somebody claims."""
    assert journal.claim("worker", [0]) == 0
    journal.append(0, loss(journal.entries(0), "worker", "its server has ended"))
    return journal.state(0)


def test_the_third_loss_is_a_failure(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert [lose(journal) for _ in range(3)] == [State.INTERRUPTED, State.INTERRUPTED, State.FAILED]
    assert journal.entries(0)[-1].reason == "its server has ended, for the third time with this trial"


def test_to_be_stopped_is_no_loss(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for _ in range(2):
        lose(journal)
    journal.claim("worker", [0])
    journal.append(0, Entry(State.INTERRUPTED, "worker", STOPPED))
    assert lose(journal) is State.INTERRUPTED


def test_losses_are_counted_anew_when_the_sweep_is_resumed(tmp_path: Path) -> None:
    """Else a trial that was running whenever somebody killed the sweep would have failed."""
    journal = Journal(tmp_path)
    for _ in range(4):
        assert lose(journal) is State.INTERRUPTED
        forget_losses(journal, [0, 1])
        assert journal.state(0) is State.WAITING
    assert not journal.entries(1)


def test_trials_of_workers_that_are_gone_are_lost(tmp_path: Path) -> None:
    journal, times = Journal(tmp_path), [0.0, 11.0]
    observer = Observer(tmp_path, lost_after=10, clock=lambda: times.pop(0))
    for number, worker in enumerate(["gone", "own"]):
        journal.claim(worker, [number])
    late = Journal(tmp_path)
    late.refresh()
    for state in (State.RUNNING, State.INTERRUPTED):
        assert interrupt_lost(journal, observer, "own") == ([0] if state is State.INTERRUPTED else [])
        assert journal.state(0) is state
    assert interrupt_lost(late, Observer(tmp_path, lost_after=-1), "own") == []  # another process was first
    assert journal.state(1) is State.RUNNING

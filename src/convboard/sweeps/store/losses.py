"""Trials whose process was lost: with its worker, or with the server that it was forked from.

Others go on with such a trial. One that is lost again and again is taken to be the cause, and has failed.
"""

from collections.abc import Sequence

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.liveness import Observer

STOPPED = "the sweep was stopped"  # the reason of an interruption that is no loss
_MOST_LOSSES = 3


def loss(entries: Sequence[Entry], worker: str, reason: str) -> Entry:
    """Return the entry for a trial whose process was lost.

    Args:
        entries: Those of the trial, which runs.
        worker: Who had claimed it.
        reason: How it was lost.
    """
    losses = 1
    for entry in reversed(entries[:-1]):
        if _is_loss(entry):
            losses += 1
        elif entry.state is not State.RUNNING:
            break
    if losses < _MOST_LOSSES:
        return Entry(State.INTERRUPTED, worker, reason)
    return Entry(State.FAILED, worker, f"{reason}, for the third time with this trial")


def _is_loss(entry: Entry) -> bool:
    return entry.state is State.INTERRUPTED and entry.reason != STOPPED


def interrupt_lost(journal: Journal, observer: Observer, own: str = "") -> list[int]:
    """Interrupt the trials of workers that have ended.

    Args:
        journal: The journal, just read.
        observer: Tells which workers have ended.
        own: The id of this worker, which has not, and looks for some of the others only; empty: for all.

    Returns:
        Those trials of which this process, and not another one at the same time, has written this into the journal.
    """
    written, running = [], list(journal.running())
    dead = observer.dead({worker for _, worker in running}, own)
    for number, worker in running:
        if worker in dead:
            reason = f"worker {worker} has ended without a word"
            if journal.append(number, loss(journal.entries(number), worker, reason)):
                written.append(number)
    return written


def forget_losses(journal: Journal, numbers: Sequence[int]) -> None:
    """Let trials that were lost wait again: somebody has resumed the sweep, and losses are counted anew.

    Args:
        journal: The journal.
        numbers: The trials of the sweep.
    """
    for number in numbers:
        entries = journal.entries(number)
        if entries and _is_loss(entries[-1]):
            journal.append(number, Entry(State.WAITING, reason="the sweep was resumed"))

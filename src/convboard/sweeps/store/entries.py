"""The states of a trial, and the entries of its log in the journal."""

import errno
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from sys import intern

from convboard.files import read_text

_LONGEST = 1_000_000  # bytes of an entry


class State(StrEnum):
    """The state of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


CLAIMABLE = (State.WAITING, State.INTERRUPTED)
_STATES = {str(state): state for state in State}
OVER = (State.FINISHED, State.PRUNED, State.FAILED)
FOLLOWS = {  # the states that may come after each
    State.WAITING: (State.RUNNING, State.PRUNED),  # pruned: a further seed of a setting that is worse than another
    State.RUNNING: (State.FINISHED, State.PRUNED, State.FAILED, State.INTERRUPTED),
    State.INTERRUPTED: (State.RUNNING, State.WAITING),
    State.FAILED: (State.WAITING,),  # it is tried again
    State.PRUNED: (State.WAITING,),  # it is taken further
    State.FINISHED: (),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log of a trial.

    Attributes:
        state: The state of the trial from here on.
        worker: Who has claimed it, or has ended it.
        reason: Why it failed, was pruned or was interrupted.
        value: The objective of a trial that finished or was pruned.
        seconds: Wall time of the trial, if it has ended.
        epochs: Number of epochs that a pruned trial has done.
        time: When the entry was made, in seconds since 1970 by the clock of its worker. It is shown and never compared:
            clocks differ.
    """

    state: State
    worker: str = ""
    reason: str = ""
    value: float | None = None
    seconds: float | None = None
    epochs: int | None = None
    time: float = 0.0


def read_entry(path: Path) -> Entry | None:
    """Read an entry; None if there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        content = json.loads(read_text(path, _LONGEST))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        content = None
    except (ValueError, RecursionError):
        content = None
    return entry_of(content, path.name)


def entry_of(content: object, name: str) -> Entry:
    """Return what a file has as an entry. One that a crash has damaged is taken as the loss of its worker.

    Args:
        content: What was read.
        name: The name of the file.
    """
    match content:
        case {
            "state": str(state),
            "worker": str(worker),
            "reason": str(reason),
            "value": None | int() | float() as value,
            "seconds": None | int() | float() as seconds,
            "epochs": None | int() as epochs,
            "time": int() | float() as written,
        } if state in _STATES:
            return Entry(_STATES[state], intern(worker), reason, value, seconds, epochs, written)
    return Entry(State.INTERRUPTED, reason=f"{name} of the journal is damaged")

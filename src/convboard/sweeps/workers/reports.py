"""What the process of a trial reports to its pool."""

from dataclasses import dataclass

from convboard.sweeps.store.entries import State

_LONGEST = 2000  # characters of a reason


@dataclass(frozen=True)
class Progress:
    """What the process of a trial reports at the end of an epoch.

    Attributes:
        epoch: Epochs done.
        max_epochs: Epochs of the whole run.
        objective: The validation loss if the sweep's objective is a loss, else the validation accuracy: a number that
            tells how far the run is.
        images_per_second: Training throughput.
    """

    epoch: int
    max_epochs: int
    objective: float
    images_per_second: float


@dataclass(frozen=True)
class Activity:
    """What the process of a trial reports of what it does, as a sign that it makes progress.

    Attributes:
        name: What it does, such as `step 7`.
    """

    name: str


@dataclass(frozen=True)
class End:
    """What the process of a trial reports last.

    Attributes:
        state: Whether it finished, was pruned, failed or was interrupted.
        reason: Why it did not finish: the last line of its error, or why it was pruned.
        value: The objective.
        seconds: Wall time of training and evaluation.
        epochs: Number of epochs that a pruned trial has done.
    """

    state: State
    reason: str = ""
    value: float | None = None
    seconds: float | None = None
    epochs: int | None = None


def reason_in_short(text: str) -> str:
    """Return the last line of an error's message or traceback, shortened: all workers read it in the journal."""
    line = text.splitlines()[-1] if text else ""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."

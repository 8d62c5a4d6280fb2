"""How long a run is, and how much of each split it looks at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a run is, and how much of it is looked at.

    Attributes:
        max_epochs: Epochs to train.
        accumulate_batches: Batches whose gradients make one optimizer step.
        gradient_clip: Total gradient norm above which the gradients are scaled down; None clips nothing.
        patience: Epochs without a better validation score after which the run ends; None never does.
        checkpoint_minutes: Minutes between two checkpoints within an epoch; each epoch's end has one as well.
        train_batches: Batches of each epoch, all where None; likewise `val_batches` and `test_batches`.
    """

    max_epochs: int
    accumulate_batches: int = 1
    gradient_clip: float | None = None
    patience: int | None = None
    checkpoint_minutes: float = 5.0
    train_batches: int | None = None
    val_batches: int | None = None
    test_batches: int | None = None

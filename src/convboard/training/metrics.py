"""Mean loss and accuracy over steps, read from the device without waiting for it.

The trainer averages an epoch, the board the steps of a point, and the progress bar those since it was last drawn.
"""

from typing import Any

import torch
from torch import Tensor

from convboard.training.callbacks import Step

_CHUNK = 256  # steps that are read together at the latest


class HostCopy:
    """The values of a small tensor on the host.

    On CUDA the copy is asynchronous. Elsewhere it is made when it is read.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._copied: torch.cuda.Event | None = None
        if tensor.is_cuda:
            self._tensor = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._tensor.copy_(tensor, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()

    def is_ready(self) -> bool:
        """Return whether `values` does not wait."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def values(self) -> list[float]:
        """Return the values, after the copy is complete."""
        if self._copied is not None:
            self._copied.synchronize()
        values: list[float] = self._tensor.tolist()
        return values


class StepMetrics:
    """Mean loss and accuracy of the samples of the steps that were added.

    The sums are formed on the host, in float64 and in the order of the steps, so that they do not depend on when the
    steps are read: half of the steps, saved and restored, and then the other half give the same bits as all at once.

    Attributes:
        samples: Number of samples of all steps.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._steps: list[Step] = []
        self._copies: list[tuple[list[int], HostCopy]] = []  # the samples of each step; their losses and correct counts
        self._loss = 0.0
        self._correct = 0

    def add(self, step: Step) -> None:
        """Add a step without waiting for the device. Its tensors must not be overwritten later."""
        self._steps.append(step)
        self.samples += step.samples
        if len(self._steps) == _CHUNK:
            self.copy()

    def copy(self) -> None:
        """Begin to copy the steps to the host."""
        if self._steps:
            losses = torch.stack([step.loss for step in self._steps]).float()
            correct = torch.stack([step.correct for step in self._steps]).float()  # exact up to 2**24 samples per step
            self._copies.append(([step.samples for step in self._steps], HostCopy(torch.cat([losses, correct]))))
            self._steps = []

    def is_ready(self) -> bool:
        """Return whether `means` does not wait for the device."""
        return not self._steps and all(copy.is_ready() for _, copy in self._copies)

    def means(self) -> tuple[float, float]:
        """Return mean loss and accuracy (0 to 1) of all samples."""
        self._read()
        return self._loss / self.samples, self._correct / self.samples

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, JSON-like."""
        self._read()
        return {"loss": self._loss, "correct": self._correct, "samples": self.samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the sums that `state_dict` returned."""
        self._loss, self._correct, self.samples = float(state["loss"]), int(state["correct"]), int(state["samples"])

    def _read(self) -> None:
        self.copy()
        for samples, copy in self._copies:
            values = copy.values()
            for count, loss, correct in zip(samples, values, values[len(samples) :], strict=False):
                self._loss += loss * count
                self._correct += int(correct)
        self._copies = []

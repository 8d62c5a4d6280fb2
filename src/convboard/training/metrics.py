"""Mean loss and accuracy of an epoch, summed on the device until the epoch ends."""

from typing import Any

import torch

from convboard.training.callbacks import Step


class EpochMetrics:
    """Loss and accuracy over the training samples of the epoch so far."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device, dtype=torch.int64)
        self.samples = 0

    def add(self, step: Step) -> None:
        """Add a step, without waiting for the device."""
        self._loss += step.loss * step.samples
        self._correct += step.correct
        self.samples += step.samples

    def means(self) -> tuple[float, float]:
        """Return mean loss and accuracy (0 to 1) of all samples since `reset`."""
        return self._loss.item() / self.samples, self._correct.item() / self.samples

    def reset(self) -> None:
        """Set the sums to zero for a new epoch."""
        self._loss.zero_()
        self._correct.zero_()
        self.samples = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the sums exactly: every float32 is a Python float."""
        return {"loss": self._loss.item(), "correct": self._correct.item(), "samples": self.samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the sums that `state_dict` returned."""
        self._loss.fill_(state["loss"])
        self._correct.fill_(state["correct"])
        self.samples = int(state["samples"])

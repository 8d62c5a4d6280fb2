"""A guard that ends a run before the optimizer takes a step on a loss that is not finite."""

import math

import torch
from torch import Tensor

from convboard.errors import TrainingError
from convboard.training.optimizer_step import take_step


class NanGuard:
    """The steps of an optimizer, which end after a loss of NaN or infinity.

    On the CPU every loss is read. On another device each read would wait for the device, so the check runs there:
    fused optimizers skip a step while `found_inf` is 1 (the mechanism of torch's GradScaler). The weights therefore
    stay as they were before the bad loss, and `check` reads the result from time to time. Only the optimizers in
    `SKIPPING` have this mechanism; with any other one, every loss is read and each step waits.

    Args:
        optimizer: The optimizer.
        device: The device of the loss and the weights.
        advice: Remedy for a bad loss, for the message.
    """

    SKIPPING = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
    SYNCHRONOUS: tuple[str, ...] = ("cpu",)  # types of device on which reading a loss does not wait
    CHECK_EVERY = 200  # steps; the cost is negligible, and few steps are lost after a bad loss

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device, advice: str = "") -> None:
        fused = isinstance(optimizer, self.SKIPPING) and all(group.get("fused") for group in optimizer.param_groups)
        self._optimizer = optimizer
        self._advice = advice
        self._reads_each = device.type in self.SYNCHRONOUS or not fused
        if not self._reads_each:
            self._bad = torch.zeros((), device=device)
            self._bad_step = torch.zeros((), device=device, dtype=torch.int64)
            self._bad_loss = torch.zeros((), device=device)

    def step(self, loss: Tensor, global_step: int, epoch: int) -> None:
        """Take the optimizer's step number `global_step` unless `loss` (0-dimensional) is not finite.

        Raises:
            TrainingError: The loss is not finite. Raised at once if every loss is read, otherwise by the next `check`.
        """
        if self._reads_each:
            value = loss.item()
            if not math.isfinite(value):
                raise self._error(value, global_step, epoch)
        else:
            newly = ~torch.isfinite(loss) & (self._bad == 0)
            self._bad_step = torch.where(newly, global_step, self._bad_step)
            self._bad_loss = torch.where(newly, loss, self._bad_loss)
            self._bad = torch.where(newly, 1.0, self._bad)
            self._optimizer.found_inf = self._bad  # type: ignore[attr-defined]  # read by fused kernels
        take_step(self._optimizer)
        if global_step % self.CHECK_EVERY == 0:
            self.check(epoch)

    def check(self, epoch: int) -> None:
        """Read the result of the steps of this epoch. It must be called at the end of the epoch.

        Raises:
            TrainingError: A loss since the last check was not finite.
        """
        if not self._reads_each and self._bad.item():
            raise self._error(self._bad_loss.item(), int(self._bad_step.item()), epoch)

    def _error(self, loss: float, global_step: int, epoch: int) -> TrainingError:
        return TrainingError(
            f"The loss is {loss} at step {global_step} (epoch {epoch}); the run stopped before the optimizer took that "
            f"step, and the checkpoints of earlier epochs are good. {self._advice}".rstrip()
        )

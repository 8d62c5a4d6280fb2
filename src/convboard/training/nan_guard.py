"""Stops a run before the optimizer takes a step on a loss that is not finite."""

import math

import torch
from torch import Tensor

from convboard.errors import TrainingError
from convboard.training.optimizer_step import update


class NanGuard:
    """Takes the optimizer's steps, and none after a loss of NaN or infinity.

    On the CPU the loss is simply looked at. Elsewhere that would make each step wait for the device, so the verdict
    stays there: fused optimizers skip a step while `found_inf` is 1 (the mechanism of torch's GradScaler), hence the
    weights stay as they were before the bad loss, and `check` reads the verdict once in a while. Only those of
    `SKIPPING` know that mechanism; with any other the loss is looked at, and each step waits.
    """

    ADVICE = (
        "Try a lower optimizer.lr, a warm-up (scheduler.warmup_epochs=1), trainer.gradient_clip=1, "
        "or trainer.precision=fp32 if it was bf16."
    )
    SKIPPING = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
    CHECK_EVERY = 200  # steps; late enough to cost nothing, early enough to waste little

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        fused = isinstance(optimizer, self.SKIPPING) and all(group.get("fused") for group in optimizer.param_groups)
        self._optimizer = optimizer
        self._looks = device.type == "cpu" or not fused
        if not self._looks:
            self._bad = torch.zeros((), device=device)
            self._bad_step = torch.zeros((), device=device, dtype=torch.int64)
            self._bad_loss = torch.zeros((), device=device)

    def step(self, loss: Tensor, global_step: int, epoch: int) -> None:
        """Take the optimizer's step number `global_step` unless `loss` (0-dimensional) is not finite.

        Raises:
            TrainingError: It is not; at once where the loss is looked at, else at the next `check`.
        """
        if self._looks:
            value = loss.item()
            if not math.isfinite(value):
                self._refuse(value, global_step, epoch)
        else:
            newly = ~torch.isfinite(loss) & (self._bad == 0)
            self._bad_step = torch.where(newly, global_step, self._bad_step)
            self._bad_loss = torch.where(newly, loss, self._bad_loss)
            self._bad = torch.where(newly, 1.0, self._bad)
            self._optimizer.found_inf = self._bad  # type: ignore[attr-defined]  # read by fused kernels
        update(self._optimizer)
        if global_step % self.CHECK_EVERY == 0:
            self.check(epoch)

    def check(self, epoch: int) -> None:
        """Read the verdict on the steps of this epoch; to be asked for at its end, if not before.

        Raises:
            TrainingError: A loss since the last check was not finite.
        """
        if not self._looks and self._bad.item():
            self._refuse(self._bad_loss.item(), int(self._bad_step.item()), epoch)

    def _refuse(self, loss: float, global_step: int, epoch: int) -> None:
        raise TrainingError(
            f"The loss is {loss} at step {global_step} (epoch {epoch}); the run stopped before the optimizer took that "
            f"step, and the checkpoints of earlier epochs are good. {self.ADVICE}"
        )

"""One optimizer step: forward, loss, backward, clip, update. When and how often is the trainer's business."""

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convboard.data import Batch
from convboard.training.callbacks import Step
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.forward_backward import ForwardBackward, RecordedForwardBackward
from convboard.training.nan_guard import NanGuard
from convboard.training.schedules import Schedule

_NOTHING = contextlib.nullcontext()


class TrainStep:
    """Takes optimizer steps on a network.

    Args:
        model: The network, already placed by `plan`.
        optimizer: Over the network's parameters; its groups' `lr` are the schedule's base.
        schedule: Factor of the learning rate by step.
        loss: Mean loss of (logits, labels).
        plan: Where and how to compute.
        gradient_clip: Total gradient norm above which the gradients are scaled down; None clips nothing.
        total_steps: Steps in the whole run.
        steps_per_epoch: Steps in an epoch.
        team: The processes that take the steps together, each on its part of the batches.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        loss: nn.Module,
        plan: Plan,
        gradient_clip: float | None,
        total_steps: int,
        steps_per_epoch: int,
        comm: Communicator | None = None,
    ) -> None:
        self.guard = NanGuard(optimizer, plan.device)
        self._model = model
        self._optimizer = optimizer
        self._schedule = schedule
        self._plan = plan
        self._gradient_clip = gradient_clip
        self._total_steps = total_steps
        self._steps_per_epoch = steps_per_epoch
        self._comm = comm or Communicator()
        self._loss = loss
        self._joined = model
        self._passes: ForwardBackward | RecordedForwardBackward = ForwardBackward(model, loss, plan)
        if plan.cuda_graph:
            self._passes = RecordedForwardBackward(model, self._passes, plan.device)
        self._base_lrs = [float(group["lr"]) for group in optimizer.param_groups]

    def join(self, uses_all: bool) -> None:
        """Connect the network with those of the other processes, before the first step; see `Communicator.joined`."""
        if self._comm.world_size > 1:
            self._joined = self._comm.wrap_model(self._model, uses_all)
            self._passes = ForwardBackward(self._joined, self._loss, self._plan, self._comm.begin_waiting)

    def take(self, batches: Sequence[Batch], taken: int, epoch: int) -> Step:
        """Take one step on the gradients of all `batches`; their mean loss is over samples, not batches.

        Args:
            batches: One, or several whose gradients are accumulated.
            taken: Steps taken before this one.
            epoch: The epoch of this step, counted from 1.

        Raises:
            TrainingError: The loss is not finite; see `NanGuard`.
        """
        lr = self._set_lr(taken)
        self._optimizer.zero_grad(set_to_none=not self._plan.cuda_graph)
        samples = sum(batch.size for batch in batches)
        losses: list[Tensor] = []
        corrects: list[Tensor] = []
        for left, batch in zip(reversed(range(len(batches))), batches):
            with self._comm.no_sync(self._joined) if left else _NOTHING:
                loss, correct = self._passes(batch, self._comm.loss_weight(len(batch.labels), samples))
            losses.append(loss)
            corrects.append(correct)
        total = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
        all_correct = corrects[0] if len(corrects) == 1 else torch.stack(corrects).sum()
        total, all_correct = self._comm.reduce_step(total, all_correct)
        norm = None
        if self._gradient_clip is not None:
            norm = nn.utils.clip_grad_norm_(self._model.parameters(), self._gradient_clip)
        self.guard.step(total, taken + 1, epoch)
        return Step(taken + 1, epoch, total, all_correct, samples, lr, norm)

    def _set_lr(self, taken: int) -> float:
        """Set each group's learning rate for the next step and return the first group's."""
        factor = self._schedule(taken, self._total_steps, self._steps_per_epoch)
        for group, base in zip(self._optimizer.param_groups, self._base_lrs, strict=True):
            group["lr"] = base * factor
        return self._base_lrs[0] * factor

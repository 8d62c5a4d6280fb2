"""One optimizer step: forward, loss, backward, clip, update. `trainer` decides when and how often."""

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convboard.data.batches import Batch
from convboard.training.callbacks import Step
from convboard.training.forward_backward import ForwardBackward, RecordedForwardBackward
from convboard.training.nan_guard import NanGuard
from convboard.training.training_setup import TrainingSetup

_NO_CONTEXT = contextlib.nullcontext()


class TrainStep:
    """The optimizer steps of a run. All processes of the run must construct it, because they wait for each other.

    Args:
        setup: The run.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self.guard = NanGuard(setup.optimizer, setup.plan.device, setup.divergence_advice)
        self._setup = setup
        self._total_steps, self._steps_per_epoch = setup.total_steps, setup.steps_per_epoch
        self._called_model = setup.comm.wrap_model(setup.model, setup.uses_all_weights)
        before_backward = setup.comm.begin_waiting if setup.comm.world_size > 1 else None
        passes = ForwardBackward(self._called_model, setup.loss, setup.plan, before_backward)
        self._forward_backward: ForwardBackward | RecordedForwardBackward = passes
        if setup.plan.cuda_graph:
            self._forward_backward = RecordedForwardBackward(setup.model, passes, setup.plan.device)
        self._base_lrs = [float(group["lr"]) for group in setup.optimizer.param_groups]

    def take(self, batches: Sequence[Batch], steps_before: int, epoch: int) -> Step:
        """Take one step on the gradients of all `batches`. The mean loss is over samples, not over batches.

        Args:
            batches: Batches whose gradients are accumulated, images `[B, C, H, W]` each.
            steps_before: Number of steps taken before this one.
            epoch: Epoch of this step, from 1.

        Raises:
            TrainingError: The loss is not finite; see `NanGuard`.
        """
        setup, comm = self._setup, self._setup.comm
        lr = self._set_lr(steps_before)
        # A CUDA graph writes the gradients to the same memory in each replay.
        setup.optimizer.zero_grad(set_to_none=not setup.plan.cuda_graph)
        samples = sum(batch.size for batch in batches)
        losses: list[Tensor] = []
        corrects: list[Tensor] = []
        for index, batch in enumerate(batches, 1):
            with _NO_CONTEXT if index == len(batches) else comm.no_sync(self._called_model):
                loss, correct = self._forward_backward(batch, comm.loss_weight(len(batch.labels), samples))
            losses.append(loss)
            corrects.append(correct)
        step_loss, step_correct = comm.reduce_step(_sum(losses), _sum(corrects))
        norm = None
        if setup.limits.gradient_clip is not None:
            norm = nn.utils.clip_grad_norm_(setup.model.parameters(), setup.limits.gradient_clip)
        self.guard.step(step_loss, steps_before + 1, epoch)
        return Step(steps_before + 1, epoch, step_loss, step_correct, samples, lr, norm)

    def _set_lr(self, steps_before: int) -> float:
        """Set each group's learning rate for the next step and return the first group's."""
        factor = self._setup.schedule(steps_before, self._total_steps, self._steps_per_epoch)
        for group, base in zip(self._setup.optimizer.param_groups, self._base_lrs, strict=True):
            group["lr"] = base * factor
        return self._base_lrs[0] * factor


def _sum(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).sum()

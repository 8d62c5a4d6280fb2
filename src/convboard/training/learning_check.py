"""A callback that looks once, after the first steps of a run, whether the network learns."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor

from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.diagnostics.wording import listed_names
from convboard.anatomy.module_paths import named_parameters
from convboard.training.callbacks import EpochEnd, Evaluation, FitEnd, FitStart, Step

STEPS = 100  # after which the check is made, at the end of an epoch: enough for any network to begin to learn
_EVERY, _KEPT = 16, 4  # gradients are looked at every so many steps, and the last few looks count
_CERTAINTY = 2.0  # standard deviations above chance
_SMALLEST_GAIN = 0.02  # share of the loss at chance by which a network that learns is below it
_SMALLEST_GAP = 0.2  # between the accuracies of training and validation, if they are computed in different ways


class LearningCheck:
    """A callback that reports a network that is at chance, and weights whose gradient is zero. It checks only new runs.

    Args:
        report: Is given what is wrong.
        class_names: Names of the classes.
        advice: What to check if the network does not learn.
    """

    def __init__(
        self, report: Callable[[Sequence[TrainingWarning]], None], class_names: Sequence[str], advice: str
    ) -> None:
        self._report = report
        self._class_names = class_names
        self._advice = advice

    def on_fit_start(self, start: FitStart) -> None:
        """See `Callback`."""
        self._is_over = start.global_step > 0
        weights = {name: weight for name, weight in named_parameters(start.model) if weight.requires_grad}
        self._without_gradient = weights
        self._matrices = {name: weight for name, weight in weights.items() if weight.ndim > 1}
        self._looks: deque[Tensor] = deque(maxlen=_KEPT)  # largest gradient of each matrix, `[matrices]`
        self._highest_lr = 0.0

    def on_step(self, step: Step) -> None:
        """See `Callback`. Nothing waits for the device."""
        if self._is_over:
            return
        self._highest_lr = max(self._highest_lr, step.lr)
        if self._without_gradient:
            self._without_gradient = {n: weight for n, weight in self._without_gradient.items() if weight.grad is None}
        if step.global_step % _EVERY == 0 and self._matrices:
            zero = torch.zeros((), device=step.loss.device)
            gradients = [weight.grad for weight in self._matrices.values()]
            self._looks.append(torch.stack([zero if g is None else g.abs().amax().to(zero) for g in gradients]))

    def on_epoch_end(self, end: EpochEnd) -> None:
        """See `Callback`."""
        if self._is_over or end.global_step < STEPS:
            return
        self._is_over = True
        if found := [*self._missing_gradients(end), *self._chance(end)]:
            self._report(found)

    def _missing_gradients(self, end: EpochEnd) -> list[TrainingWarning]:
        """Weights that got no gradient in any step, and those whose gradient was zero in all of the last looks."""
        found = []
        if never := list(self._without_gradient):
            reason = f"{listed_names(never)} got no gradient in any of {end.global_step} steps."
            found.append(TrainingWarning("no gradient", reason, "The forward does not use them.", is_harmless=True))
        largest = torch.stack(tuple(self._looks)).amax(0).tolist() if self._looks else []
        zero = [name for name, value in zip(self._matrices, largest) if value == 0 and name not in never]
        if zero:
            found.append(
                TrainingWarning(
                    "zero gradient",
                    f"The gradient of {listed_names(zero)} is exactly zero: nothing behind passes one on.",
                    "Look there for ReLU units that are all dead, as after too large steps (a lower learning rate "
                    "helps), for saturated activations, and for functions like round and sign.",
                    zero[0].rpartition(".")[0] or None,
                )
            )
        return found

    def _chance(self, end: EpochEnd) -> list[TrainingWarning]:
        """A network that is not better than the same answer for all images, if it is one."""
        share, is_at_chance = _largest_share(end.val.labels), _is_at_chance(end.val)
        if not is_at_chance:
            return []
        after = f"After epoch {end.epoch} ({end.global_step} steps, learning rate up to {self._highest_lr:.2g})"
        chance = f"an accuracy of {end.val.accuracy:.2%} on val, where the largest class has {share:.2%} of the images"
        if end.train_accuracy > share + _SMALLEST_GAP:
            reason = (
                f"{after} the network has an accuracy of {end.train_accuracy:.2%} on the training images, but {chance}."
            )
            remedy = (
                "Something works differently in evaluation: the running statistics of batch norm (its momentum), or a "
                "branch on self.training. Or the validation images are of another kind."
            )
            return [TrainingWarning("evaluation at chance", reason, remedy)]
        reason = f"{after} the network is at chance: {chance}.{self._predictions(end.val)}"
        return [TrainingWarning("at chance", reason, self._advice)]

    def _predictions(self, val: Evaluation) -> str:
        """The sentence that says which class is predicted for nearly all images, if one is."""
        predicted = val.logits.argmax(1)
        mode = int(predicted.mode().values)
        share = float((predicted == mode).float().mean())
        return f" {share:.0%} of its answers are {self._class_names[mode]!r}." if share > 0.9 else ""

    def on_fit_end(self, end: FitEnd) -> None:
        """See `Callback`."""

    def state_dict(self) -> dict[str, Any]:
        """See `Callback`; a resumed run is not checked."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Callback`; there is no state."""


def _largest_share(labels: Tensor) -> float:
    return float(labels.bincount().max()) / len(labels)


def _is_at_chance(val: Evaluation) -> bool:
    """Return whether neither the accuracy nor the cross entropy is better than with the same answer for all images."""
    share = _largest_share(val.labels)
    error = math.sqrt(share * (1 - share) / len(val.labels))
    frequencies = val.labels.bincount(minlength=val.logits.shape[1]) / len(val.labels)
    entropy = float(torch.special.entr(frequencies).sum())
    loss = float(F.cross_entropy(val.logits, val.labels))
    return val.accuracy <= share + _CERTAINTY * error and loss >= (1 - _SMALLEST_GAIN) * entropy

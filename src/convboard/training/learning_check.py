"""A callback that looks once, after the first steps of a run, whether the network learns."""

import math
from collections import deque
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor

from convboard.anatomy.diagnostics.training_warning import CONSTANT_WEIGHTS, TrainingWarning
from convboard.anatomy.diagnostics.wording import listed_names
from convboard.anatomy.module_paths import named_parameters
from convboard.training.callbacks import Callback, EpochEnd, Evaluation, FitStart, Step

STEPS = 100  # after which the check is made, at the end of an epoch: enough for any network to begin to learn
_EVERY, _KEPT = 16, 4  # gradients are looked at every so many steps, and the last few looks count
_CERTAINTY = 2.0  # standard deviations above chance
_SMALLEST_GAIN = 0.02  # share of the loss at chance by which a network that learns is below it
_FEWEST_STEPS = 16  # after which the change of the weights is judged
_SAMPLES = 1000  # values of each weight that are compared
_NO_CHANGE = 1e-5  # share by which the weights of a network that learns have changed by then
_LITTLE_CHANGE, _SAME_LOSS = 1e-3, 1e-4  # the same if the validation loss does not change, relative to it
_SMALLEST_GAP = 0.2  # between the accuracies of training and validation, if they are computed in different ways


class LearningCheck(Callback):
    """A callback that reports a network at chance, and weights that have no gradient or do not change.

    It checks only new runs.

    Args:
        report: Is given what is wrong.
        class_names: Names of the classes.
        advice: What to check if the network does not learn.
        lr: The learning rate that the schedule changes from step to step.
        no_change_advice: What is wrong, and what to do, if the weights do not change.
    """

    def __init__(
        self,
        report: Callable[[Sequence[TrainingWarning]], None],
        class_names: Sequence[str],
        advice: str,
        lr: float,
        no_change_advice: str,
    ) -> None:
        self._report = report
        self._class_names = class_names
        self._advice = advice
        self._lr = lr
        self._no_change_advice = no_change_advice

    def on_fit_start(self, start: FitStart) -> None:
        """See `Callback`."""
        self._is_over = start.global_step > 0
        weights = {name: weight for name, weight in named_parameters(start.model) if weight.requires_grad}
        self._without_gradient = weights
        self._matrices = {name: weight for name, weight in weights.items() if weight.ndim > 1}
        self._looks: deque[Tensor] = deque(maxlen=_KEPT)  # largest gradient of each matrix, `[matrices]`
        self._highest_lr = self._sum_of_lr = 0.0
        self._weights = {} if self._is_over else weights
        self._initial = {name: _sample(weight) for name, weight in self._weights.items()}
        self._last_val: tuple[float, float] | None = None

    def on_step(self, step: Step) -> None:
        """See `Callback`. Nothing waits for the device."""
        self._sum_of_lr += step.lr  # also when the check is over: the change of the weights is judged later as well
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
        if self._initial and end.global_step >= _FEWEST_STEPS and (unchanged := self._unchanged(end)):
            self._report(unchanged)
        if self._is_over or end.global_step < STEPS:
            return
        self._is_over = True
        if found := [*self._missing_gradients(end), *self._chance(end)]:
            self._report(found)

    def _unchanged(self, end: EpochEnd) -> list[TrainingWarning]:
        """Weights that are as good as unchanged, if they are, although they have gradients."""
        before, self._last_val = self._last_val, (end.val.loss, end.val.accuracy)
        if not self._sum_of_lr or not self._looks or not any(look.any() for look in self._looks):
            return []
        pairs = [(_sample(self._weights[name]), initial) for name, initial in self._initial.items()]
        size = math.sqrt(sum(float(initial.square().sum()) for _, initial in pairs))
        change = math.sqrt(sum(float((now - initial).square().sum()) for now, initial in pairs)) / (size or 1)
        # Of a rate that has not risen yet, the change that lr itself would have made counts.
        full = change * self._lr * end.global_step / self._sum_of_lr
        is_same = (
            before is not None
            and before[1] == end.val.accuracy
            and abs(before[0] - end.val.loss) <= _SAME_LOSS * abs(before[0])
        )
        if full >= _LITTLE_CHANGE:
            self._initial = {}
        if full >= _NO_CHANGE and not (is_same and full < _LITTLE_CHANGE):
            return []
        self._initial, self._is_over = {}, True
        reason = f"After {end.global_step} steps the weights have changed by {change:.1g} of their size."
        return [TrainingWarning("no change", reason, self._no_change_advice)]

    def _missing_gradients(self, end: EpochEnd) -> list[TrainingWarning]:
        """Weights that got no gradient in any step, and those whose gradient was zero in all of the last looks."""
        found = []
        if never := list(self._without_gradient):
            reason = f"{listed_names(never)} got no gradient in any of {end.global_step} steps."
            found.append(TrainingWarning("no gradient", reason, "The forward does not use them.", is_harmless=True))
        largest = torch.stack(tuple(self._looks)).amax(0).tolist() if self._looks else []
        zero = [name for name, value in zip(self._matrices, largest) if value == 0 and name not in never]
        constant = [name for name in zero if not self._matrices[name].detach().any()]
        if constant:
            reason = f"All values of {listed_names(constant)} are zero, and their gradient too."
            remedy = "Initialise them with different random values, as torch's layers do by default."
            found.append(TrainingWarning(CONSTANT_WEIGHTS, reason, remedy, constant[0].rpartition(".")[0] or None))
        if zero and not constant:
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


def _sample(weight: Tensor) -> Tensor:
    """A copy of some of the values, `[<= 2 * _SAMPLES]`, so that it costs little memory."""
    values = weight.detach().reshape(-1)
    values = values[:: max(1, len(values) // _SAMPLES)].clone()
    return torch.view_as_real(values).reshape(-1) if values.is_complex() else values.float()


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

"""Rules for scores that depend on more than their own image: on random numbers, on other images, or on no image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.function_log import NotedCall
from convboard.anatomy.diagnostics.source_lines import in_brackets, lines_that_call
from convboard.anatomy.diagnostics.training_observation import Observation, noise, observe
from convboard.anatomy.diagnostics.training_warning import CONSTANT_WEIGHTS, TrainingWarning
from convboard.anatomy.diagnostics.wording import count, listed_names
from convboard.anatomy.dry_run import run_without_side_effects
from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.function_names import words
from convboard.anatomy.module_paths import named_parameters
from convboard.anatomy.origin import Origin
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.trace import Call, Shape

_TOLERANCE = 1e-4  # relative to the largest score; two runs of the same kernels differ by less
_BATCH_FIRST = (nn.MultiheadAttention, nn.RNNBase, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
_STATISTICS = words("batch_norm instance_norm")
_ALONG_ONE = words("softmax log_softmax normalize cumsum sort flip roll")
_REDUCING = words("mean sum std var max min amax amin norm")


@dataclass(frozen=True)
class Evaluation:
    """Runs of a network in evaluation mode on two images.

    Attributes:
        observation: The run on two images of noise.
        image_shape: (C, H, W).
        device: Of the network.
    """

    observation: Observation
    image_shape: Shape
    device: torch.device

    @property
    def scores(self) -> Tensor:
        """The scores of the two images, `[2, num_classes]`."""
        output: Tensor = self.observation.run.output
        return output

    def images(self, is_changed: bool = False) -> Tensor:
        """Return the two images; with `is_changed`, the first one is another, brighter and with more contrast."""
        images = noise(self.image_shape, 2, self.device)
        if is_changed:
            images[:1] = 4 * noise(self.image_shape, 1, self.device, seed=1) + 3
        return images

    def repeated(self, is_changed: bool = False, seed: int | None = None) -> Tensor:
        """Return the scores of another run.

        Args:
            is_changed: Whether the first image is another one.
            seed: Of torch's random numbers; None for the same numbers as in the other runs.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if seed is not None:
                torch.manual_seed(seed)
            scores: Tensor = run_without_side_effects(self.observation.model, self.images(is_changed))
        return scores


def evaluate_noise(
    model: nn.Module,
    image_shape: Shape,
    device: torch.device,
    is_cross_entropy: bool = True,
    origin: Origin | None = None,
) -> Evaluation:
    """Run a network in evaluation mode on two images of noise, without side effects.

    Args:
        model: The network.
        image_shape: (C, H, W).
        device: Of the network.
        is_cross_entropy: See `Observation`.
        origin: How the network was built; None if it is not known.
    """
    images = noise(image_shape, 2, device)
    observation = observe(model, images, run_without_side_effects, is_cross_entropy, origin=origin)
    return Evaluation(observation, image_shape, device)


def unsteady_scores(evaluation: Evaluation) -> Iterator[TrainingWarning]:
    """Recognise scores that change although the image does not: random ones, and those that depend on the batch."""
    log = evaluation.observation.log
    if log.dropouts:
        yield _active_dropout(log.dropouts)
        return
    if log.random and _differ(evaluation.scores, evaluation.repeated(seed=1)):
        yield _random(log.random[0])
        return
    if _differ(evaluation.scores[1:], evaluation.repeated(is_changed=True)[1:]):
        if _differ(evaluation.scores, evaluation.repeated()):
            yield _random(None)
        else:
            yield _mixed_images(evaluation)


def constant_scores(evaluation: Evaluation) -> TrainingWarning:
    """Explain scores that are the same for all images."""
    model = evaluation.observation.model
    call = _first_constant(evaluation)
    zero = [n for n, weight in named_parameters(model) if weight.ndim > 1 and not weight.any()]
    if call is not None and any(f"{call.name}.weight" == name for name in zero):
        lines = in_brackets(
            *lines_that_call(model, evaluation.observation.origin, "constant_", "zeros_", "zero_", "fill_")
        )
        return TrainingWarning(
            CONSTANT_WEIGHTS,
            f"All values of {listed_names(zero)} are zero{lines}: the network gives the same scores for every image, "
            "and these weights get no gradient.",
            "Initialise them with different random values, as torch's layers do by default.",
            call.name,
        )
    where = (
        f"{evaluation.observation.title(call)} gives the same for every image"
        if call
        else "its forward does not use the images"
    )
    return TrainingWarning(
        "constant",
        f"The network gives the same scores for every image: {where}.",
        "Look there for units that are all dead (ReLU of negative values), a product with zero, or weights that are "
        "all equal.",
        call.name if call else None,
    )


def is_constant(values: Tensor) -> bool:
    """Return whether the values of both images are the same, `[2, ...]`."""
    return bool(torch.equal(values[0], values[1]))


def _differ(one: Tensor, other: Tensor) -> bool:
    """Return whether scores differ by more than rounding; not if one of them is not a number."""
    scale = max(float(one.abs().max()), float(other.abs().max()))
    return float((one - other).abs().max()) > _TOLERANCE * scale


def _active_dropout(calls: list[NotedCall]) -> TrainingWarning:
    function = calls[0].function
    given = "dropout_p=0.1 if self.training else 0.0" if "attention" in function.name else "training=self.training"
    more = f" The same holds for {count(len(calls) - 1, 'more call')}." if len(calls) > 1 else ""
    return TrainingWarning(
        "random in evaluation",
        f"{function.name} is active in evaluation mode too{calls[0].place}: validation, test and feature maps lose "
        f"random values.{more}",
        f"Pass {given}, or make the layer in __init__ as a submodule, self.dropout = nn.Dropout(0.5), not in a list.",
    )


def _random(call: NotedCall | None) -> TrainingWarning:
    name = f"{call.name}{call.place} draws" if call else "its forward draws"
    return TrainingWarning(
        "random in evaluation",
        f"In evaluation mode the network gives other scores for the same image each time: {name} random numbers.",
        "Draw them only in training: if self.training.",
    )


def _mixed_images(evaluation: Evaluation) -> TrainingWarning:
    call = _first_mixing(evaluation)
    where = f" first in the output of {evaluation.observation.title(call)}" if call else ""
    return TrainingWarning(
        "mixed images",
        f"The scores of an image depend on the other images of its batch,{where or ' which must not be'}: validation "
        "and predictions change with the batch size and the order.",
        _separation(evaluation.observation, call),
        call.name if call else None,
    )


def _separation(observation: Observation, call: Call | None) -> str:
    """How to keep the images of a batch apart in a call."""
    function = call.functions[-1] if call and call.functions else None
    if call is not None and isinstance(call.module, _BATCH_FIRST):
        return "Make it with batch_first=True: without it, the first dimension is taken for the sequence."
    if function is not None and function.name in _STATISTICS:
        return "Let it use running statistics in evaluation: track_running_stats=True, training=self.training."
    if function is not None and function.name in _ALONG_ONE | _REDUCING:
        return f"Let {function.name} run along dim=1 or later: dim=0 are the images of the batch."
    for other in observation.run.calls:
        if call is not None and other.name in call.inputs and other.function(*_REDUCING):
            given, returned = other.input_shape, other.output_shape or ()
            if len(returned) < len(given) and returned == given[1:]:
                dims = tuple(range(1, len(given))) if len(given) > 2 else 1
                return (
                    f"{other.name}{observation.place(other)} runs over the images of the batch, dim=0. Take the "
                    f"statistics of each image, as in x.{other.type}(dim={dims}, keepdim=True), or "
                    f"nn.BatchNorm{'2d' if len(given) == 4 else '1d'}."
                )
    return "Look there for a view or reshape that does not keep the batch dimension, or an operation along dim=0."


def _first_mixing(evaluation: Evaluation) -> Call | None:
    """Return the first call that gives other values for the second image if the first image changes."""
    before, after = (_values_of_calls(evaluation, evaluation.images(is_changed)) for is_changed in (False, True))
    for (call, values), (_, others) in zip(before, after):
        if values.shape == others.shape and _differ(values[1], others[1]):
            return call
    return None


def _first_constant(evaluation: Evaluation) -> Call | None:
    """Return the first call that gives the same values for both images."""
    calls = _values_of_calls(evaluation, evaluation.images())
    return next((call for call, values in calls if is_constant(values)), None)


def _values_of_calls(evaluation: Evaluation, images: Tensor) -> list[tuple[Call, Tensor]]:
    """Run the network, and return the calls that return values for each image, and these values, `[2, ...]`."""
    model = evaluation.observation.model
    with record_calls(model, images, [_Values()]) as recording:
        run_without_side_effects(model, images)
    return [(call, values) for call in recording.calls for values in call.tracked if values is not None]


class _Values:
    """A tracker of the values of tensors whose first dimension is that of the batch."""

    def update(self, call: FunctionCall, result: Any) -> None:
        """See `Tracker`; nothing has to be computed."""

    def value(self, tensor: Tensor) -> Tensor | None:
        """See `Tracker`; None for tensors without the batch."""
        return tensor.detach().clone() if tensor.ndim and tensor.shape[0] == 2 and tensor.is_floating_point() else None

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """See `Tracker`; values are copies."""

    def forget(self, tensor: Tensor) -> None:
        """See `Tracker`; values are copies."""

"""Rules for values on the way through a network that carry too little of the images, seen in one training step."""

import math
from collections.abc import Iterator

from convboard.anatomy.diagnostics.source_lines import in_brackets, lines_that_call
from convboard.anatomy.diagnostics.training_observation import Observation
from convboard.anatomy.diagnostics.training_warning import TrainingWarning

_STRONG = 0.9  # share of values that dropout sets to zero
_SCALES = (0.02, 50.0)  # standard deviation of the first layer's input, where that of the images is 1
_LARGE_LOSS = 20  # times that of guessing; the networks of torchvision begin below 2
_INITIALISATIONS = ("normal_", "uniform_", "constant_", "ones_", "fill_", "randn", "randn_like", "rand")
_ARITHMETIC = ("div", "mul", "sub", "add", "true_divide")
_SHORT = 0.9  # momentum of batch norm: share of the last batch in the running statistics


def strong_dropout(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise dropout of nearly all values."""
    for call in training.log.dropouts:
        p = call.function.arguments.get("p")
        if isinstance(p, (int, float)) and p >= _STRONG:
            yield TrainingWarning(
                "strong dropout",
                f"{call.name} sets {p:.0%} of the values to zero in training{call.place}.",
                f"p is the share that is dropped, not the one that is kept: try p={0.5 if p == 1 else 1 - p:.2g}.",
            )
            return


def scaled_images(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise a forward that scales images, which are normalised already, to tiny or huge values."""
    if training.log.first_input is None:
        return
    mean, std = training.log.first_input.tolist()
    low, high = _SCALES
    size = (mean**2 + std**2) ** 0.5
    if 0 < size < low or size > high:
        yield TrainingWarning(
            "scaled images",
            f"The first layer gets values of about {size:.3g}: the images are normalised already, to mean 0 and "
            f"standard deviation 1, and forward scales them again{_scaling(training)}.",
            "Leave that out, such as a division by 255.",
        )


def large_scores(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise scores whose cross entropy is far above that of guessing, as those of weights that are too large."""
    scores = training.run.output.detach().float()
    classes = scores.shape[1]
    loss = float((scores.logsumexp(1) - scores.mean(1)).mean())  # of labels that are as likely as each other
    if not training.is_cross_entropy or classes < 2 or loss <= _LARGE_LOSS * math.log(classes):
        return
    if not any(scaled_images(training)):  # which is the cause then
        lines = in_brackets(*lines_that_call(training.model, training.origin, *_INITIALISATIONS))
        yield TrainingWarning(
            "large scores",
            f"The loss begins at about {loss:.3g}, where guessing gives {math.log(classes):.2f}: the scores are huge, "
            f"as those of weights that are too large{lines}.",
            "Initialise the weights as torch's layers do by default, with values that are smaller the more inputs a "
            "layer has.",
        )


def softmax_of_one(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise a softmax along a dimension of one value, which is always 1."""
    for call in training.run.calls:
        function = call.function("softmax", "log_softmax")
        if function is None:
            continue
        dim = function.arguments.get("dim")
        if isinstance(dim, int) and call.input_shape and call.input_shape[dim] == 1:
            yield TrainingWarning(
                "softmax of one",
                f"{training.title(call)} runs along dim={dim}, which has one value: the result is always 1, and the "
                "layers before it learn nothing from it.",
                f"Take another dimension of [{', '.join(map(str, ('N', *call.input_shape[1:])))}], or sigmoid.",
                call.name,
            )
            return


def short_memory(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise batch norm whose running statistics are those of the last batch."""
    for call in training.run.calls:
        momentum = getattr(call.module, "momentum", None)
        if call.function("batch_norm") and momentum is not None and momentum >= _SHORT:
            yield TrainingWarning(
                "momentum",
                f"{training.title(call)} has momentum={momentum:g}: in torch this is the share of the newest batch, so "
                "that evaluation uses the statistics of the last batch alone, which may be small.",
                f"Write momentum={1 - momentum:.2g}, or leave it out." if momentum < 1 else "Leave it out.",
                call.name,
                is_harmless=True,  # with large batches; the last one of an epoch may be small
            )
            return


def _scaling(training: Observation) -> str:
    """The place of the first function that computes with the images before the first layer; empty if there is none."""
    for call in training.run.calls:
        if call.function("conv2d", "linear"):
            return ""
        if call.module is None and call.function(*_ARITHMETIC):
            return training.place(call)
    return ""

"""Mistakes because of which a network trains badly or not at all, found before training and without any error.

A rule is a function that looks at runs of a network on noise, one training step or evaluations, and yields a warning
for each mistake that it recognises. It must not warn of a network that trains well.
"""

from collections.abc import Iterator

import torch
from torch import nn

from convboard.anatomy.diagnostics import training_evaluation, training_gradients, training_output, training_signal
from convboard.anatomy.diagnostics.training_evaluation import evaluate_noise, is_constant
from convboard.anatomy.diagnostics.training_observation import Observation
from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.dry_run import run_without_side_effects
from convboard.anatomy.origin import Origin
from convboard.anatomy.trace import Shape

_OF_A_STEP = (
    training_gradients.cut_gradients,
    training_gradients.unused_weights,
    training_gradients.frozen_classifier,
    training_gradients.unregistered_weights,
    training_gradients.equal_units,
    training_signal.strong_dropout,
    training_signal.scaled_images,
    training_signal.large_scores,
    training_signal.softmax_of_one,
    training_signal.short_memory,
)


def network_warnings(
    model: nn.Module,
    image_shape: Shape,
    device: torch.device,
    training: Observation | None = None,
    is_cross_entropy: bool = True,
    origin: Origin | None = None,
) -> Iterator[TrainingWarning]:
    """Yield what is wrong with a network that runs without errors.

    Args:
        model: The network; it and torch's random state stay unchanged.
        image_shape: (C, H, W) of an image.
        device: Of the network.
        training: A training step of a copy on noise, whose parameters have their gradients and the optimizer's step;
            None: only evaluations are examined.
        is_cross_entropy: Whether the loss is cross entropy, which applies softmax to the scores.
        origin: How the network was built; None if it is not known.
    """
    evaluation = evaluate_noise(model, image_shape, device, is_cross_entropy, origin)
    yield from training_output.unsuitable_output(evaluation.observation)
    unregistered = list(training_gradients.unregistered_layers(evaluation.observation, evaluation.images()))
    unoptimized = [] if training is None else list(training_gradients.unoptimized_weights(training))
    yield from (*unregistered, *unoptimized)
    if not (unregistered or unoptimized):  # a layer that forward makes is random each time
        yield from training_evaluation.unsteady_scores(evaluation)
    if training is None:
        return
    # A network whose last weights are zero at first gives the same scores for all images, but not after a step.
    if is_constant(evaluation.scores) and is_constant(run_without_side_effects(training.model, evaluation.images())):
        yield training_evaluation.constant_scores(evaluation)
    yield from training_output.dropout_of_scores(training)
    for rule in _OF_A_STEP:
        yield from rule(training)

"""Construction of the parts of a run from its config: network, optimizer, batches, callbacks.

Mistakes in the config are found here, before the run directory contains a file. `run` uses the parts.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from convboard.anatomy.arguments import check_network
from convboard.anatomy.check import check_fit, raise_explained
from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.dry_run import lazy_layers, materialise, unwrapped
from convboard.anatomy.origin import Origin
from convboard.board import Board
from convboard.board.hparams import SweepRow
from convboard.config.instantiate import Target, resolve
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.config.trusted_targets import foreign_targets
from convboard.data.dataset import ImageDataset, ImageShape
from convboard.data.normalisation import Normalisation
from convboard.errors import ModelError
from convboard.experiment.config_keys import errors_with_config_keys
from convboard.experiment.dataset import build_batches
from convboard.experiment.learning_advice import (
    divergence_advice,
    learning_rate,
    no_change_advice,
    no_learning_advice,
)
from convboard.experiment.optimizers import build_optimizer, build_schedule
from convboard.experiment.option_file import place_of_layer
from convboard.experiment.sanity_check import LayoutError, find_warnings, try_schedule, try_single_image, try_step
from convboard.experiment.unsaved_state import refuse_unsavable
from convboard.models.infer_arguments import build, given_arguments, square_side, takes_more_than
from convboard.models.sequential import sequential
from convboard.training.callbacks import Callback
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.choose_plan import PlanChoice
from convboard.training.execution_plan.plan import Plan
from convboard.training.learning_check import LearningCheck
from convboard.training.losses import build_loss
from convboard.training.progress import ProgressDisplay
from convboard.training.seeding import seed_everything
from convboard.training.training_setup import Splits, TrainingSetup

_INITIALISE_FROM = 1000  # training images that a network may see before training


@errors_with_config_keys()
def build_model(node: dict[str, Any], input_shape: ImageShape, num_classes: int) -> nn.Module:
    """Build the network of a config.

    Args:
        node: The config's `model`.
        input_shape: Shape (C, H, W) of the images.
        num_classes: Number of logits.

    Raises:
        ConvboardError: The network cannot be built, or does not fit the images.
    """
    return _built(node, input_shape, num_classes)[0]


def _built(node: dict[str, Any], input_shape: ImageShape, num_classes: int) -> tuple[nn.Module, Origin]:
    """The network of a config, which fits the images, and how it was built."""
    target = resolve_model(node)
    arguments, model = dict(target.arguments), None
    if node.get("image_size") is not None and takes_more_than(target.factory, "image_size"):
        sized = {**arguments, "image_size": square_side(input_shape)}
        try:
            model = build(target.factory, input_shape, num_classes, **sized)
            arguments = sized
        except ModelError as error:  # it is only for the images, if the function that it is passed on to has none
            if "no argument 'image_size'" not in str(error):
                raise
    if model is None:
        with _errors_with_lines(node):
            model = build(target.factory, input_shape, num_classes, **arguments)
    called_with = given_arguments(target.factory, input_shape, num_classes, arguments)
    origin = Origin(target.factory, called_with, in_yaml=target.factory is sequential)
    check_fit(model, input_shape, num_classes, origin)
    return model, origin


@contextmanager
def _errors_with_lines(node: dict[str, Any]) -> Iterator[None]:
    """Add the place in a file of conf/model to errors that name a layer of a list, as `layers[2]`."""
    try:
        yield
    except ModelError as error:
        layer = re.match(r"layers\[(\d+)\]", str(error))
        place = place_of_layer(node["layers"], int(layer[1])) if layer is not None and "layers" in node else None
        if place is None:
            raise
        raise error.with_message(f"{place}: {error}") from error


def resolve_model(node: dict[str, Any]) -> Target:
    """Import the class or function that a config's `model` names, without `image_size`, which belongs to the data."""
    return resolve("model", {key: value for key, value in node.items() if key != "image_size"})


def resolve_targets(config: TrainConfig) -> None:
    """Import the classes of a config, and check that they have the parameters that it gives them.

    Raises:
        ConfigError: See `instantiate.resolve`.
    """
    resolve_model(config.model)
    resolve("optimizer", config.optimizer)
    resolve("scheduler", config.scheduler)


@errors_with_config_keys()
def initialise(model: nn.Module, dataset: ImageDataset) -> None:
    """Call the method `initialise_from` of a network, if it has one, with normalised training images `[N, C, H, W]`."""
    initialise_from = getattr(model, "initialise_from", None)
    if initialise_from is not None:
        normalise = Normalisation(dataset.mean, dataset.std, torch.device("cpu"))
        initialise_from(normalise(dataset.train.images[:_INITIALISE_FROM]))


def prepare_given(model: nn.Module, input_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Give the lazy layers of a network their shapes, and check that it fits the images.

    Args:
        model: A network that was given from Python, changed in place.
        input_shape: (C, H, W) of the images.
        num_classes: Number of logits.

    Returns:
        The network itself, without nn.DataParallel around it.

    Raises:
        ModelError: It does not fit, or is no network.
    """
    check_network(model)
    model = unwrapped(model)
    if lazy_layers(model):
        raise_explained(model, materialise(model, input_shape), num_classes=num_classes)
    check_fit(model, input_shape, num_classes)
    return model


@errors_with_config_keys()
def build_setup(
    config: TrainConfig,
    dataset: ImageDataset,
    plan: Plan,
    checkpoints: Path,
    comm: Communicator,
    model: nn.Module | None = None,
) -> TrainingSetup:
    """Build the setup of a run without its callbacks, and check a training step.

    The plan of the setup is `plan`, or `plan` without channels_last if the network does not support it and the
    config does not demand it.

    Raises:
        ConvboardError: A part of the config cannot be built, or the network cannot be trained.
    """
    if any(foreign_targets(group, getattr(config, group)) for group in OPEN_GROUPS):
        import numpy.random  # noqa: F401  (deferred for start-up time: foreign code may use it)
    seed_everything(config.seed)
    parts = resolve("optimizer", config.optimizer), resolve("scheduler", config.scheduler)
    if model is None:
        model, origin = _built(config.model, dataset.image_shape, dataset.num_classes)
    else:
        origin = Origin()
        model = prepare_given(model, dataset.image_shape, dataset.num_classes)
    initialise(model, dataset)
    model.to(plan.device)
    splits = build_batches(config, dataset, plan, comm)
    setup = _with_optimizer(config, splits, plan, checkpoints, comm, model, origin, *parts)
    return _examined(setup, config, dataset, parts[0].describe(), origin)


@errors_with_config_keys()
def rebuild_optimizer(setup: TrainingSetup, config: TrainConfig, dataset: ImageDataset) -> TrainingSetup:
    """Build the setup of another run around the network of this one, without trying a step.

    Args:
        setup: The run that was tried. Its weights and its optimizer stay as they are.
        config: That of the other run, with the same network.
        dataset: The images.

    Raises:
        ConfigError: The optimizer or the schedule cannot be built.
    """
    parts = resolve("optimizer", config.optimizer), resolve("scheduler", config.scheduler)
    splits = setup.splits
    if splits.train.batch_size != min(config.batch_size, len(dataset.train)):
        splits = build_batches(config, dataset, setup.plan)
    return _with_optimizer(config, splits, setup.plan, setup.checkpoints, setup.comm, setup.model, Origin(), *parts)


def _with_optimizer(
    config: TrainConfig,
    splits: Splits,
    plan: Plan,
    checkpoints: Path,
    comm: Communicator,
    model: nn.Module,
    origin: Origin,
    optimizer: Target,
    scheduler: Target,
) -> TrainingSetup:
    """Build the rest of a setup around a network, and check its schedule."""
    built = build_optimizer(optimizer, model, plan.device, origin)
    setup = TrainingSetup(
        model=model,
        splits=splits,
        optimizer=built,
        schedule=build_schedule(scheduler),
        loss=build_loss(config.loss.name, config.loss.label_smoothing),
        plan=plan,
        plan_options=config.trainer,
        limits=config.trainer,
        checkpoints=checkpoints,
        comm=comm,
        divergence_advice=divergence_advice(built),
    )
    try_schedule(setup, config.scheduler["_target_"])
    return setup


def _examined(
    setup: TrainingSetup, config: TrainConfig, dataset: ImageDataset, optimizer: str, origin: Origin
) -> TrainingSetup:
    """Try a training step and evaluations, and return the setup with what they show; see `build_setup`."""
    facts = dataset.image_shape, len(dataset.train), optimizer, origin
    try:
        training = try_step(setup, *facts)
    except LayoutError:
        if config.trainer.channels_last:
            raise
        setup = setup.with_plan(replace(setup.plan, channels_last=False))
        training = try_step(setup, *facts)
    refuse_unsavable(setup.model, setup.model if training is None else training.model)
    try_single_image(setup, dataset.image_shape, {"val": len(dataset.val), "test": len(dataset.test)}, origin)
    warnings = find_warnings(setup, dataset.image_shape, training, origin)
    return replace(setup, uses_all_weights=training is None or training.uses_all_weights, warnings=warnings)


def build_callbacks(
    config: TrainConfig,
    dataset: ImageDataset,
    setup: TrainingSetup,
    choice: PlanChoice,
    console: Console,
    warn: Callable[[Sequence[TrainingWarning]], None],
    run_dir: Path,
    environment: Mapping[str, str],
    row: SweepRow,
) -> tuple[Callback, ...]:
    """Build the callbacks that show a run in TensorBoard and in the terminal.

    Args:
        config: The config.
        dataset: The images.
        setup: The run before its first step.
        choice: The plan of the run.
        console: The terminal.
        warn: Prints warnings.
        run_dir: The directory of the run.
        environment: Versions, device and the like, by name.
        row: What is known of the sweep of the run.
    """
    found = list(setup.warnings)

    def tell(more: Sequence[TrainingWarning]) -> None:
        new = [warning for warning in more if warning.word not in {known.word for known in found}]
        found.extend(new)
        warn(new)

    board = Board(
        run_dir,
        dataset,
        level=config.board.level,
        scalar_every=config.board.scalar_every,
        max_channels=config.board.max_channels,
        config=config.to_dict(),
        environment=environment,
        row=row,
        plan=choice.table(),
        warnings=found,
    )
    lr = learning_rate(setup.optimizer)
    check = LearningCheck(tell, dataset.class_names, no_learning_advice(lr), lr, no_change_advice(setup.optimizer))
    return check, board, ProgressDisplay(console)

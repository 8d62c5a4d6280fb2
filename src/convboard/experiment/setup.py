"""A config's parts, built: device, images, network, optimizer, batches, Trainer.

What a user can get wrong is found here, before the run directory holds a file. How a run goes is in `experiment`.
"""

import logging
import math
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convboard.anatomy.check import check_fit
from convboard.board import Board
from convboard.config import instantiate
from convboard.config.schema import TrainConfig
from convboard.data import Augmentation, Batch, Batches, ImageDataset, Split
from convboard.errors import ConfigError
from convboard.experiment.config_keys import errors_with_config_keys
from convboard.experiment.console import Report
from convboard.experiment.environment import describe_environment
from convboard.experiment.optimizers import build_optimizer, build_schedule
from convboard.experiment.sanity_check import TrainingBatches, try_schedule, try_step
from convboard.models.infer_arguments import build
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.choose_plan import PlanChoice, decide
from convboard.training.execution_plan.plan import Plan, check_compile, check_cuda_graph, choose_device, has_bf16
from convboard.training.execution_plan.step_benchmark import StepBenchmark
from convboard.training.limits import Limits
from convboard.training.losses import build_loss
from convboard.training.progress import ProgressDisplay
from convboard.training.schedules import Schedule
from convboard.training.trainer import Splits, Trainer

_log = logging.getLogger(__name__)
LOOKED_AT = 1000  # training images that a network may look at before it begins


@dataclass(frozen=True)
class Learner:
    """What learns, and on what: all of a training but the plan by which it is computed.

    Attributes:
        model: The network, on its device.
        optimizer: Over its parameters.
        schedule: Of the learning rate.
        loss: Mean loss of (logits, labels).
        splits: The data.
        total_steps: Optimizer steps in the whole run.
        uses_all_weights: Whether every weight gets a gradient in each step.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    loss: nn.Module
    splits: Splits
    total_steps: int
    uses_all_weights: bool = True


def build_plan(config: TrainConfig) -> Plan:
    """Where and how to compute, so far as that is known without measuring.

    Raises:
        ConfigError: This machine lacks what the config asks for.
    """
    trainer = config.trainer
    device = choose_device(trainer.device)
    if trainer.compile:
        check_compile(device)
    if trainer.cuda_graph:
        check_cuda_graph(device)
    if trainer.precision == "bf16" and not has_bf16(device):
        _log.warning(
            "trainer.precision=bf16: this %s has no bfloat16 arithmetic of its own; emulated, it is slower than fp32. "
            "trainer.precision=auto takes what is faster.",
            device.type,
        )
    cores = os.cpu_count() or 1
    if trainer.threads and trainer.threads > cores:
        _log.warning("trainer.threads=%d on %d cores: more threads than cores are slow.", trainer.threads, cores)
    return Plan(
        device,
        precision="bf16" if trainer.precision == "bf16" else "fp32",
        channels_last=trainer.plan != "none" if trainer.channels_last is None else trainer.channels_last,
        threads=trainer.threads or (torch.get_num_threads() if device.type == "cpu" else None),
        compile=bool(trainer.compile),
        cuda_graph=bool(trainer.cuda_graph),
    )


@errors_with_config_keys()
def build_model(node: dict[str, Any], input_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build the network of a config's `model` node, fitted to images of `input_shape` (C, H, W)."""
    arguments = {key: value for key, value in node.items() if key != "image_size"}
    factory, arguments = instantiate.resolve("model", arguments)
    model = build(factory, input_shape, num_classes, **arguments)
    channels, height, width = input_shape
    known = {"in_channels": channels, "image_size": height if height == width else (height, width)}
    check_fit(model, input_shape, num_classes, factory, {**known, "num_classes": num_classes, **arguments})
    return model


@errors_with_config_keys()
def initialise(model: nn.Module, dataset: ImageDataset) -> None:
    """Let a network that has an `initialise_from` look at training images, as it will see them but not augmented."""
    look = getattr(model, "initialise_from", None)
    if look is None:
        return
    first = Split(dataset.train.images[:LOOKED_AT], dataset.train.labels[:LOOKED_AT])
    cpu = torch.device("cpu")
    (batch,) = Batches(first, mean=dataset.mean, std=dataset.std, batch_size=len(first), device=cpu).epoch()
    look(batch.images)


def build_batches(config: TrainConfig, dataset: ImageDataset, plan: Plan, comm: Communicator | None = None) -> Splits:
    """Cut the splits into batches; only those of the training split are shuffled and augmented.

    Each process of a team makes its own part of each batch.

    Raises:
        ConfigError: A batch would be larger than the training split.
    """
    chosen = config.dataset
    if config.batch_size > len(dataset.train):
        raise ConfigError(
            f"batch_size={config.batch_size}: must be at most {len(dataset.train)}, the images there are to train on."
        )

    def batches(split: Split, batch_size: int, **more: Any) -> Batches:
        return Batches(
            split,
            mean=dataset.mean,
            std=dataset.std,
            batch_size=batch_size,
            device=plan.device,
            channels_last=plan.channels_last,
            data_location=chosen.data_location,
            num_workers=chosen.num_workers,
            part=(comm.rank, comm.size) if comm else (0, 1),
            **more,
        )

    augmentation = Augmentation(chosen.random_crop, chosen.crop_border, chosen.horizontal_flip, chosen.cutout)
    size = config.trainer.eval_batch_size
    return Splits(
        train=batches(dataset.train, config.batch_size, seed=config.seed, shuffle=True, augmentation=augmentation),
        val=batches(dataset.val, min(size, len(dataset.val))),
        test=batches(dataset.test, min(size, len(dataset.test))),
    )


@errors_with_config_keys()
def build_learner(
    config: TrainConfig, dataset: ImageDataset, model: nn.Module, plan: Plan, comm: Communicator | None = None
) -> Learner:
    """Put together what learns on `dataset`, and try it out; the network gets the device of `plan`, not its layout."""
    splits = build_batches(config, dataset, plan, comm)
    model.to(plan.device)
    optimizer = build_optimizer(config.optimizer, model, plan.device)
    schedule = build_schedule(config.scheduler)
    loss = build_loss(config.loss.name, config.loss.label_smoothing)
    batches = TrainingBatches(len(dataset.train), config.batch_size, config.trainer.limit_train_batches)
    steps_per_epoch = math.ceil(batches.per_epoch / config.trainer.accumulate_batches)
    total_steps = config.trainer.max_epochs * steps_per_epoch
    try_schedule(schedule, config.scheduler["_target_"], total_steps, steps_per_epoch)
    uses_all = try_step(
        model, optimizer, loss, plan, dataset.image_shape, batches, instantiate.describe(config.optimizer)
    )
    return Learner(model, optimizer, schedule, loss, splits, total_steps, uses_all)


def choose_plan(config: TrainConfig, learner: Learner, default: Plan) -> PlanChoice:
    """Choose how the run computes; `default` is what is taken where that is not worth a measurement."""
    trainer = config.trainer

    def first_step() -> list[Batch]:
        return list(
            islice(learner.splits.train.with_memory_format(channels_last=False).epoch(), trainer.accumulate_batches)
        )

    benchmark = StepBenchmark(learner.model, learner.optimizer, learner.loss, first_step, trainer.gradient_clip)
    return decide(trainer, default, benchmark, learner.total_steps)


def build_trainer(
    config: TrainConfig,
    dataset: ImageDataset,
    learner: Learner,
    decision: PlanChoice,
    report: Report,
    run_dir: Path,
    comm: Communicator | None = None,
) -> Trainer:
    """Put together everything that trains `learner` into `run_dir`, by the plan that was decided on."""
    plan = decision.plan
    board = Board(
        run_dir,
        dataset,
        level=config.board.level,
        scalar_every=config.board.scalar_every,
        max_channels=config.board.max_channels,
        config=config.to_dict(),
        environment=describe_environment(decision.chosen),
        plan=decision.table(),
    )
    trainer = Trainer(
        plan.place(learner.model),
        learner.optimizer,
        learner.schedule,
        learner.loss,
        learner.splits.with_memory_format(plan.channels_last),
        plan,
        build_limits(config),
        run_dir / "checkpoints",
        callbacks=(board, ProgressDisplay(report.console)),
        comm=comm,
    )
    trainer.uses_all_weights = learner.uses_all_weights
    return trainer


def build_limits(config: TrainConfig) -> Limits:
    """How long the run is, and how much of it is looked at."""
    trainer = config.trainer
    return Limits(
        max_epochs=trainer.max_epochs,
        accumulate_batches=trainer.accumulate_batches,
        gradient_clip=trainer.gradient_clip,
        patience=trainer.patience,
        checkpoint_minutes=trainer.checkpoint_minutes,
        train_batches=trainer.limit_train_batches,
        val_batches=trainer.limit_val_batches,
        test_batches=trainer.limit_test_batches,
    )

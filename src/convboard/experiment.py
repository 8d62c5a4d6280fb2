"""The composition root: a config becomes a data set, a network, an optimizer, observers and a Trainer.

Everything a user can get wrong is found while building, before the run directory holds a file.
"""

import inspect
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from omegaconf import OmegaConf
from torch import nn

from convboard import models, targets
from convboard.anatomy import check_fit
from convboard.board import Board
from convboard.config import TrainConfig
from convboard.data import Augmentation, Batches, ImageDataset, Split, load_dataset
from convboard.environment import describe_environment
from convboard.errors import ConfigError, RunError
from convboard.files import atomic_write_text, locked
from convboard.report import Report
from convboard.runs import CHECKPOINTS, CONFIG, DATASET, LOCK, RESULT, Run
from convboard.training.checkpoint import load_checkpoint, load_weights
from convboard.training.evaluation import evaluate
from convboard.training.limits import Limits
from convboard.training.losses import build_loss
from convboard.training.plan import Plan, check_compile, choose_device
from convboard.training.progress import ProgressDisplay
from convboard.training.schedules import Schedule
from convboard.training.seeding import seed_everything, set_deterministic
from convboard.training.trainer import Splits, Trainer


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        run_dir: Where it lies.
        metrics: Final value by tag, those of the best epoch: `accuracy/val`, `accuracy/test`, ...
        objective: The one of them that the config names.
        epochs: Epochs trained.
        seconds: Wall time of training, evaluation and board, without start-up.
    """

    run_dir: Path
    metrics: dict[str, float]
    objective: float
    epochs: int
    seconds: float


def run(config: TrainConfig, run_dir: Path) -> RunResult:
    """Train what `config` describes and show it in TensorBoard.

    Args:
        config: The checked config.
        run_dir: Where to write everything; made where it is missing, refused where it holds a run.

    Returns:
        The metrics and where to find everything.

    Raises:
        ConvboardError: Something in the config, the data or the directory is wrong; see `convboard.errors`.
    """
    with _owned(run_dir):
        return _run(config, run_dir)


def _run(config: TrainConfig, run_dir: Path) -> RunResult:
    report = Report()
    set_deterministic(config.trainer.deterministic)
    plan = build_plan(config)
    dataset = build_dataset(config)
    if plan.compile:
        check_compile(plan.device)
    seed_everything(config.seed)
    model = build_model(config.model, dataset.image_shape, dataset.num_classes)
    trainer = build_trainer(config, dataset, model, plan, report, run_dir)
    _write_inputs(config, dataset, run_dir)
    report.begin(_model_name(config), model, dataset, plan.describe(), run_dir)
    began = time.perf_counter()
    end = trainer.fit()
    seconds = time.perf_counter() - began
    result = RunResult(run_dir, end.metrics, end.metrics[config.objective], end.epoch, seconds)
    facts = {
        "status": end.status,
        "best_epoch": trainer.best_epoch,
        **asdict(result),
        "run_dir": str(run_dir),
    }
    atomic_write_text(run_dir / RESULT, json.dumps(facts, indent=2) + "\n")
    report.end(result.metrics, trainer.best_epoch, result.epochs, seconds, run_dir)
    return result


def evaluate_run(finished: Run, trust: bool = False) -> dict[str, float]:
    """Evaluate the best network of a finished run again, on its own validation and test splits.

    Args:
        finished: The run, from `load_run`.
        trust: See `Run.model`.

    Returns:
        `accuracy/val`, `loss/val`, `accuracy/test` and `loss/test`, equal to the run's own on the same machine.
    """
    config = finished.config
    plan = build_plan(config)
    set_deterministic(config.trainer.deterministic)
    model = plan.place(restore_model(finished, trust))
    splits = build_batches(config, build_dataset(config), plan.device)
    loss = build_loss(config.loss.name, config.loss.label_smoothing)
    val = evaluate(model, splits.val, loss, plan, config.trainer.limit_val_batches)
    test = evaluate(model, splits.test, loss, plan, config.trainer.limit_test_batches)
    return {
        "accuracy/val": val.accuracy,
        "loss/val": val.loss,
        "accuracy/test": test.accuracy,
        "loss/test": test.loss,
    }


def build_plan(config: TrainConfig) -> Plan:
    """Choose where and how to compute."""
    trainer = config.trainer
    return Plan(choose_device(trainer.device), trainer.precision, trainer.channels_last, trainer.compile)


def build_dataset(config: TrainConfig) -> ImageDataset:
    """Load the config's images, at the size that the config or else the model asks for."""
    chosen = config.dataset
    image_size = chosen.image_size or config.model.get("image_size")
    path = Path(chosen.path) if chosen.path else None
    return load_dataset(chosen.name, Path(config.data_dir), path=path, image_size=image_size, val_size=chosen.val_size)


def build_model(node: dict[str, Any], input_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build the network of a config's `model` node, fitted to images of `input_shape` (C, H, W)."""
    arguments = {key: value for key, value in node.items() if key != "image_size"}
    factory, arguments = targets.resolve("model", arguments)
    model = models.build(factory, input_shape, num_classes, **arguments)
    check_fit(model, input_shape, num_classes)
    return model


def build_optimizer(node: dict[str, Any], model: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """Build the optimizer of a config over all parameters of `model`."""
    factory, _ = targets.resolve("optimizer", node)
    more: dict[str, Any] = {}
    if device.type == "cuda" and "fused" not in node and targets.accepts(factory, "fused"):
        more["fused"] = True  # one kernel for all parameters, and the non-finite guard needs no look at the loss
    optimizer = targets.build("optimizer", node, model.parameters(), **more)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(f"optimizer._target_={node['_target_']!r} is not a torch.optim.Optimizer.")
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise ConfigError(
            f"optimizer._target_={node['_target_']!r} wants to compute the loss several times for each step, which the "
            "training loop does not offer. Choose another, as in optimizer=adamw."
        )
    return optimizer


def build_schedule(node: dict[str, Any]) -> Schedule:
    """Build the learning-rate schedule of a config."""
    if node["_target_"].startswith("torch.optim.lr_scheduler."):
        raise ConfigError(
            f"scheduler._target_={node['_target_']!r} keeps a state of its own; here a schedule is a function of the "
            "step, so that a run can go on from anywhere. Choose one of conf/scheduler, as in scheduler=cosine."
        )
    return cast(Schedule, targets.build("scheduler", node))


def build_batches(config: TrainConfig, dataset: ImageDataset, device: torch.device) -> Splits:
    """Cut the splits into batches; only those of the training split are shuffled and augmented.

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
            device=device,
            channels_last=config.trainer.channels_last,
            residence=chosen.residence,
            num_workers=chosen.num_workers,
            **more,
        )

    augmentation = Augmentation(chosen.random_crop, chosen.horizontal_flip, chosen.cutout)
    size = config.trainer.eval_batch_size
    return Splits(
        train=batches(dataset.train, config.batch_size, seed=config.seed, shuffle=True, augmentation=augmentation),
        val=batches(dataset.val, min(size, len(dataset.val))),
        test=batches(dataset.test, min(size, len(dataset.test))),
    )


def build_trainer(
    config: TrainConfig, dataset: ImageDataset, model: nn.Module, plan: Plan, report: Report, run_dir: Path
) -> Trainer:
    """Put together everything that trains `model` on `dataset` into `run_dir`."""
    splits = build_batches(config, dataset, plan.device)
    plan.place(model)
    optimizer = build_optimizer(config.optimizer, model, plan.device)
    schedule = build_schedule(config.scheduler)
    board = Board(
        run_dir,
        dataset,
        level=config.board.level,
        scalar_every=config.board.scalar_every,
        max_channels=config.board.max_channels,
        config=config.to_dict(),
        environment=describe_environment(plan.describe()),
    )
    trainer = config.trainer
    limits = Limits(
        max_epochs=trainer.max_epochs,
        accumulate_batches=trainer.accumulate_batches,
        gradient_clip=trainer.gradient_clip,
        patience=trainer.patience,
        train_batches=trainer.limit_train_batches,
        val_batches=trainer.limit_val_batches,
        test_batches=trainer.limit_test_batches,
    )
    return Trainer(
        model,
        optimizer,
        schedule,
        build_loss(config.loss.name, config.loss.label_smoothing),
        splits,
        plan,
        limits,
        run_dir / CHECKPOINTS,
        observers=(board, ProgressDisplay(report.console)),
    )


def restore_model(finished: Run, trust: bool = False) -> nn.Module:
    """The network of a finished run with its best weights; see `Run.model`."""
    foreign = [name for name in _targets(finished.config.model) if not name.startswith("convboard.models.")]
    if foreign and not trust:
        raise RunError(
            f"{finished.path} was trained with {foreign[0]}, which is not one of convboard's own models: building it "
            "runs that code. If you trust it, say so: trust=true (in Python, trust=True)."
        )
    shape = tuple(finished.dataset["image_shape"])
    model = build_model(finished.config.model, shape, len(finished.dataset["class_names"]))
    load_weights(model, load_checkpoint(finished.best_checkpoint), finished.best_checkpoint)
    return model.eval()


def _targets(node: object) -> Iterator[str]:
    """Every `_target_` in a part of a config, however deep."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield str(node["_target_"])
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _targets(child)


def _write_inputs(config: TrainConfig, dataset: ImageDataset, run_dir: Path) -> None:
    """Put down what the run is made of, before it takes its first step."""
    (run_dir / CHECKPOINTS).mkdir()
    facts = {
        "name": dataset.name,
        "image_shape": dataset.image_shape,
        "class_names": dataset.class_names,
        "mean": dataset.mean,
        "std": dataset.std,
    }
    atomic_write_text(run_dir / DATASET, json.dumps(facts, indent=2) + "\n")
    atomic_write_text(run_dir / CONFIG, OmegaConf.to_yaml(OmegaConf.create(config.to_dict())))


def _model_name(config: TrainConfig) -> str:
    return str(config.model["_target_"]).rpartition(".")[2]


@contextmanager
def _owned(run_dir: Path) -> Iterator[None]:
    """Hold `run_dir` for this process alone; leave no empty directory behind when the run could not begin."""

    def busy(pid: int | None) -> RunError:
        who = f"process {pid}" if pid else "a process of another machine"
        return RunError(
            f"{run_dir} is in use: {who} is training there. Wait for it, or choose another directory with "
            "hydra.run.dir=<folder>."
        )

    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        with locked(run_dir / LOCK, wait=False, busy=busy):
            if (run_dir / CONFIG).exists():
                raise RunError(
                    f"{run_dir} holds a run already, and nothing is ever overwritten. Choose another directory with "
                    "hydra.run.dir=<folder>, or remove that one."
                )
            yield
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(run_dir):
            raise
        raise RunError(
            f"{run_dir} cannot be written: {error.strerror} ({error.filename}). Choose another directory with "
            "hydra.run.dir=<folder>."
        ) from error
    finally:
        with suppress(OSError):
            run_dir.rmdir()  # only if it is empty

"""How a run goes: begun or resumed in a directory of its own, trained, tested, written down; and evaluated again.

The parts of a run are built in `building`.
"""

import errno
import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from convboard.config.command_line import assignment
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.config.trusted_targets import foreign_targets
from convboard.data import ImageDataset
from convboard.errors import ConfigError, RunError
from convboard.experiment.console import Report, counted
from convboard.experiment.dataset import build_dataset
from convboard.experiment.plan import check_processes
from convboard.experiment.run_dir import CHECKPOINTS, CONFIG, DATASET, LOCK, PLAN, RESULT, Run, load_run
from convboard.experiment.sanity_check import LayoutError
from convboard.experiment.setup import (
    build_batches,
    build_learner,
    build_model,
    build_plan,
    build_trainer,
    choose_plan,
    initialise,
)
from convboard.files import atomic_write_text, empty, locked
from convboard.training.checkpoint import Checkpoint, load_latest
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.torchrun import communicator
from convboard.training.evaluation import evaluate
from convboard.training.execution_plan.choose_plan import PlanChoice, unmeasured
from convboard.training.execution_plan.plan import Plan, is_there
from convboard.training.losses import build_loss
from convboard.training.malloc import keep_freed_memory
from convboard.training.seeding import seed_everything, set_deterministic
from convboard.training.signals import raising
from convboard.training.trainer import Trainer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        run_dir: Where it lies.
        metrics: Final value by tag, those of the best epoch: `accuracy/val`, `accuracy/test`, ...
        objective: The one of them that the config names.
        epochs: Epochs trained.
        seconds: Wall time of training, evaluation and board, without start-up; of a resumed run, from all its parts.
    """

    run_dir: Path
    metrics: dict[str, float]
    objective: float
    epochs: int
    seconds: float


def run(config: TrainConfig, run_dir: str | Path) -> RunResult:
    """Train what `config` describes and show it in TensorBoard; or go on with the run that it resumes.

    Args:
        config: The checked config. Where its `resume` names a run directory, it must be that run's own config, in
            which only what `resuming.MAY_CHANGE` names has changed.
        run_dir: Where to write everything. Made where it is missing; one that holds a run is refused, unless it is
            the one to resume.

    Returns:
        The metrics and where to find everything.

    Raises:
        ConvboardError: Something in the config, the data or the directory is wrong; see `convboard.errors`.
        Interrupted: SIGINT or SIGTERM asked the run to end; it is saved, and can be resumed.
    """
    run_dir = Path(run_dir)
    comm = communicator()
    owned = _owned(run_dir, resumed=config.resume is not None) if comm.is_main else nullcontext()
    with raising(), owned:
        comm.barrier()  # the directory is the run's
        return _run(config, run_dir, comm)


def _run(config: TrainConfig, run_dir: Path, comm: Communicator) -> RunResult:
    keep_freed_memory()
    report = Report()
    set_deterministic(config.trainer.deterministic)
    recorded = None if config.resume is None else _recorded_plan(load_run(run_dir))
    if recorded and comm.world_size > 1:
        recorded = replace(recorded, cuda_graph=False)  # several processes cannot record their steps
    default = recorded or build_plan(config)
    if comm.world_size > 1:
        default = Plan.from_dict(json.loads(comm.broadcast(json.dumps(default.to_dict()))))
        check_processes(default)
    comm.init_process_group(default, config.trainer.rank_timeout)
    with comm.local_main_process_first():  # downloads and decodes what the others then find
        dataset = build_dataset(config)
    if any(foreign_targets(group, getattr(config, group)) for group in OPEN_GROUPS):
        import numpy.random  # noqa: F401  (seeded below: what is not convboard's own may draw from it)
    seed_everything(config.seed)
    model = build_model(config.model, dataset.image_shape, dataset.num_classes)
    initialise(model, dataset)
    try:
        learner = build_learner(config, dataset, model, default, comm)
    except LayoutError:
        if config.trainer.channels_last:
            raise
        default = replace(default, channels_last=False)
        learner = build_learner(config, dataset, model, default, comm)
    if recorded:
        decision = PlanChoice(recorded, "kept from the run's plan.json", processes=comm.world_size)
    elif comm.world_size > 1:
        why = "not measured, since several processes compute at once"
        decision = unmeasured(config.trainer, default, why, comm.world_size)
    else:
        decision = choose_plan(config, learner, default)
    with decision.plan.with_threads():
        trainer = build_trainer(config, dataset, learner, decision, report, run_dir, comm)
        comm.seed_rank(config.seed)
        if config.resume is not None:
            _refuse_other_data(load_run(run_dir), dataset)
            _take_up(trainer, run_dir)
        if comm.is_main:
            _write_inputs(config, dataset, decision.plan, run_dir)
        report.begin(_model_name(config), model, dataset, decision, run_dir)
        return _train(config, trainer, report, run_dir)


def _train(config: TrainConfig, trainer: Trainer, report: Report, run_dir: Path) -> RunResult:
    """Train to the end, and write and say what came of it."""
    if trainer.global_step:
        report.resumed(trainer.epoch, trainer.global_step)
    end = trainer.fit()
    seconds = trainer.seconds
    result = RunResult(run_dir, end.metrics, end.metrics[config.objective], end.epoch, seconds)
    facts = {"status": end.status, "best_epoch": trainer.best_epoch, **asdict(result)}
    del facts["run_dir"]  # where the file lies; the directory may be moved
    if trainer.comm.is_main:
        atomic_write_text(run_dir / RESULT, json.dumps(facts, indent=2) + "\n")
    report.end(result.metrics, trainer.best_epoch, result.epochs, seconds, run_dir)
    return result


def _take_up(trainer: Trainer, run_dir: Path) -> None:
    """Put `trainer` where the run was; one that was killed before its first checkpoint begins anew."""
    with trainer.comm.main_process_first():  # the first process mends what is damaged
        if trainer.comm.is_main:
            for leftover in run_dir.rglob(".*.tmp"):  # whoever wrote it is dead: the directory is this run's alone
                leftover.unlink()
        if any((run_dir / CHECKPOINTS).glob("*.safetensors")):
            checkpoint, source = load_latest(run_dir / CHECKPOINTS)
            _refuse_fewer_epochs(trainer, checkpoint)
            trainer.resume(checkpoint, source)
        elif trainer.comm.is_main:
            for events in run_dir.glob("*tfevents*"):
                empty(events)  # not removed: a TensorBoard that is open may wait for a file that is gone
    if trainer.comm.is_main:
        (run_dir / RESULT).unlink(missing_ok=True)  # not before: a run that cannot be resumed keeps what it came to


def _refuse_fewer_epochs(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Refuse an end that lies behind: the config would say less than was trained."""
    most = trainer.limits.max_epochs
    begun = math.ceil(checkpoint.state["global_step"] / trainer.steps_per_epoch)
    if most < begun:
        raise ConfigError(
            f"trainer.max_epochs={most} is fewer than the run has trained already, which is {counted(begun, 'epoch')}. "
            f"Give {begun} or more, or leave it away."
        )


def evaluate_run(finished: Run, trust: bool = False) -> dict[str, float]:
    """Evaluate the best network of a finished run again, on its own validation and test splits.

    Args:
        finished: The run, from `load_run`.
        trust: See `Run.model`.

    Returns:
        `accuracy/val`, `loss/val`, `accuracy/test` and `loss/test`, equal to the run's own on the same machine.
    """
    keep_freed_memory()
    config = finished.config
    plan = _recorded_plan(finished) or build_plan(config)
    set_deterministic(config.trainer.deterministic)
    model = plan.place(finished.model(trust))
    dataset = build_dataset(config)
    _refuse_other_data(finished, dataset)
    splits = build_batches(config, dataset, plan)
    loss = build_loss(config.loss.name, config.loss.label_smoothing)
    with plan.with_threads():
        val = evaluate(model, splits.val, loss, plan, config.trainer.limit_val_batches)
        test = evaluate(model, splits.test, loss, plan, config.trainer.limit_test_batches)
    return {
        "accuracy/val": val.accuracy,
        "loss/val": val.loss,
        "accuracy/test": test.accuracy,
        "loss/test": test.loss,
    }


def _recorded_plan(run: Run) -> Plan | None:
    """The plan that a run computes by; None, said loudly, where this machine cannot follow it."""
    if not run.plan:
        reason = f"{run.path / PLAN} is missing"
    elif not is_there((plan := Plan.from_dict(run.plan)).device):
        reason = f"the run computes on {plan.device}, which this machine does not have"
    else:
        return plan
    _log.warning("%s: the plan is made anew, and figures may differ in their last digits from the run's own.", reason)
    return None


def _refuse_other_data(finished: Run, dataset: ImageDataset) -> None:
    """Refuse images that are not those of the run; all pixels of the training split show in their mean and spread."""
    for key, now in _describe_data(dataset).items():
        then = finished.dataset.get(key)
        if then != now:
            raise RunError(
                f"{finished.path}: the data has changed since it was trained: {key} was {then}, and is {now}. Put the "
                "data back as it was, or train again."
            )


def _describe_data(dataset: ImageDataset) -> dict[str, Any]:
    """What the network must be given to be used, as JSON has it."""
    return {
        "name": dataset.name,
        "image_shape": list(dataset.image_shape),
        "class_names": list(dataset.class_names),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "images": [len(split) for split in (dataset.train, dataset.val, dataset.test)],
    }


def _write_inputs(config: TrainConfig, dataset: ImageDataset, plan: Plan, run_dir: Path) -> None:
    """Put down what the run is made of, before it takes its first step; the config last: it is what makes a run."""
    (run_dir / CHECKPOINTS).mkdir(exist_ok=True)
    atomic_write_text(run_dir / DATASET, json.dumps(_describe_data(dataset), indent=2) + "\n")
    atomic_write_text(run_dir / PLAN, json.dumps(plan.to_dict(), indent=2) + "\n")
    atomic_write_text(run_dir / CONFIG, OmegaConf.to_yaml(OmegaConf.create(replace(config, resume=None).to_dict())))


def _model_name(config: TrainConfig) -> str:
    return str(config.model["_target_"]).rpartition(".")[2]


@contextmanager
def _owned(run_dir: Path, resumed: bool) -> Iterator[None]:
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
            if (run_dir / CONFIG).exists() and not resumed:
                raise RunError(
                    f"{run_dir} holds a run already, and nothing is ever overwritten. Go on with it by "
                    f"{assignment('resume', run_dir)}, or choose another directory with hydra.run.dir=<folder>."
                )
            yield
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(run_dir):
            raise
        advice = "Choose another directory with hydra.run.dir=<folder>."
        if error.errno == errno.ENOSPC:
            advice = f"Make room, and begin again, or go on with a run that has begun: {assignment('resume', run_dir)}."
        raise RunError(f"{run_dir} cannot be written: {error.strerror} ({error.filename}). {advice}") from error
    finally:
        with suppress(OSError):
            run_dir.rmdir()  # only if it is empty

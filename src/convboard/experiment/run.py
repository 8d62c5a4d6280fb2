"""A run: training and test of a network in a new or resumed run directory."""

import errno
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from convboard.board.hparams import ALONE, SweepRow
from convboard.config.command_line import assignment
from convboard.config.schema import TrainConfig
from convboard.config.stored_config import dump_config, with_absolute_paths
from convboard.data.dataset import ImageDataset
from convboard.errors import CheckpointError, ConfigError, ConvboardError, ModelError, RunError
from convboard.experiment.console import Report, counted
from convboard.experiment.dataset import build_dataset, data_properties, refuse_other_data, worker_errors
from convboard.experiment.environment import describe_environment, resumed_environment
from convboard.experiment.input_files import InputFiles
from convboard.experiment.resume import resume_overrides
from convboard.experiment.run_dir import load_run, stored_checkpoints
from convboard.experiment.run_files import CHECKPOINTS, CONFIG, DATASET, LOCK, PLAN, RESULT
from convboard.experiment.run_plan import choose_plan, default_plan, recorded_plan, shared_plan
from convboard.experiment.run_record import CurvesFile, SummaryFile
from convboard.experiment.run_summary import CURVES, SUMMARY, read_summary
from convboard.experiment.setup import build_callbacks, build_setup
from convboard.experiment.stored_json import is_dataset_file, is_plan_file
from convboard.experiment.unsaved_state import warn_of_unsaved_state
from convboard.files import TEMPORARY, atomic_write_text, check_writable, empty, make_folder
from convboard.files.locks import locked
from convboard.training.callbacks import Callback
from convboard.training.checkpoint import BEST, Checkpoint, load_latest
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.torchrun import communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.spin_limit import limit_spinning
from convboard.training.forward_backward import CudaGraphError
from convboard.training.malloc import keep_freed_memory
from convboard.training.optimizer_state import check_optimizer
from convboard.training.saved_state import check_best, check_network, check_state
from convboard.training.seeding import set_deterministic
from convboard.training.signals import raising
from convboard.training.trainer import Trainer
from convboard.training.training_setup import TrainingSetup


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes:
        run_dir: Its directory.
        metrics: Final value by tag, of the best epoch: `accuracy/val`, `accuracy/test`, ...
        objective: The metric that `config.objective` names.
        epochs: Number of epochs trained.
        seconds: Wall time of training, evaluation and board, without start-up; for a resumed run, of all its parts.
    """

    run_dir: Path
    metrics: dict[str, float]
    objective: float
    epochs: int
    seconds: float


def run(
    config: TrainConfig,
    run_dir: str | Path,
    model: nn.Module | None = None,
    callbacks: Sequence[Callback] = (),
    row: SweepRow = ALONE,
) -> RunResult:
    """Train the network of `config` and show it in TensorBoard, or continue the run that `config.resume` names.

    Args:
        config: The checked config. If its `resume` names a run directory, it must be the config of that run, in which
            only the keys in `resume.MAY_CHANGE` may differ.
        run_dir: The directory of all files of the run. It is created if missing. It must not contain a run, unless it
            is the one to resume.
        model: A network to train instead of that of `config.model`.
        callbacks: Are told the events of the training, after the board and the progress.
        row: What is known of its sweep, for the HParams tab.

    Returns:
        The metrics and the run directory.

    Raises:
        ConvboardError: Something in the config, the data or the directory is wrong; see `convboard.errors`.
        Interrupted: A signal ended the run, see `signals`; it is saved, and can be resumed.
    """
    run_dir = Path(run_dir)
    comm = communicator()
    owned = _owned(run_dir, resumed=config.resume is not None) if comm.is_main else nullcontext()
    with raising(), owned:
        comm.barrier()  # from here on, no other run uses the directory
        remedy = f"Resume the run without them: {assignment('resume', run_dir)} dataset.num_workers=0"
        with worker_errors(config, remedy):
            return _run(config, run_dir, comm, model, callbacks, row)


def _run(
    config: TrainConfig,
    run_dir: Path,
    comm: Communicator,
    model: nn.Module | None,
    more: Sequence[Callback],
    row: SweepRow,
) -> RunResult:
    keep_freed_memory()
    set_deterministic(config.trainer.deterministic)
    report = Report()
    resumed = None if config.resume is None else load_run(run_dir, config)
    recorded = None if resumed is None else recorded_plan(resumed)
    plan = shared_plan(recorded or default_plan(config), comm, is_recorded=recorded is not None)
    comm.init_process_group(plan, config.trainer.rank_timeout)
    with comm.local_main_process_first():  # it downloads and decodes; the others then read the cache
        dataset = build_dataset(config)
    if resumed is not None:
        refuse_other_data(resumed.path, resumed.dataset, dataset)
    with plan.with_threads():  # more than that would wait for the cores of other runs
        setup = build_setup(config, dataset, plan, run_dir / CHECKPOINTS, comm, model)
        if resumed is not None and comm.is_main:  # before the layers of several processes wait for each other
            warn_of_unsaved_state(setup, dataset.image_shape)
    choice = choose_plan(setup, is_recorded=recorded is not None)
    with choice.plan.with_threads(), limit_spinning():
        inputs = _input_files(config, dataset, choice.plan, run_dir)
        summary, environment = _summary(config, choice.chosen, run_dir)
        callbacks = build_callbacks(
            config, dataset, setup, choice, report.console, report.warn, run_dir, environment, row
        )
        callbacks = (*callbacks, *more, CurvesFile(run_dir), summary, inputs)
        trainer = Trainer(replace(setup.with_plan(choice.plan), callbacks=callbacks))
        comm.seed_rank(config.seed)
        if resumed is not None:
            _resume(trainer, run_dir)
        if comm.is_main:
            (run_dir / CHECKPOINTS).mkdir(exist_ok=True)
            inputs.write()
        with summary.recording_failure() if comm.is_main else nullcontext():
            report.begin(config, setup, dataset, choice, run_dir)
            report.warn(setup.warnings)
            return _train(config, trainer, report, run_dir, summary)


def _summary(config: TrainConfig, device: str, run_dir: Path) -> tuple[SummaryFile, Mapping[str, str]]:
    """Return what writes the summary of the run, and the environment that it has."""
    environment, started = describe_environment(device, resumed=config.resume is not None), None
    if config.resume is not None and (earlier := read_summary(run_dir)):
        environment, started = resumed_environment(earlier["environment"], environment), earlier["started"]
    return SummaryFile(run_dir, _stored(config).to_dict(), environment, started), environment


def _stored(config: TrainConfig) -> TrainConfig:
    """Return the config that the files of a run have."""
    return with_absolute_paths(replace(config, resume=None))


def _train(config: TrainConfig, trainer: Trainer, report: Report, run_dir: Path, summary: SummaryFile) -> RunResult:
    """Train to the end, and record and print the result."""
    if trainer.global_step:
        report.resumed(trainer.epoch, trainer.global_step, config.trainer.max_epochs, trainer.is_finished)
    try:
        end = trainer.fit()
    except CudaGraphError as error:
        raise ModelError(f"{error} Set trainer.cuda_graph=false for that.") from error
    seconds = trainer.seconds
    result = RunResult(run_dir, end.metrics, end.metrics[config.objective], end.epoch, seconds)
    facts = {"status": end.status, "best_epoch": trainer.best_epoch, **asdict(result)}
    del facts["run_dir"]  # the directory may be moved
    if trainer.setup.comm.is_main:
        atomic_write_text(run_dir / RESULT, json.dumps(facts, indent=2) + "\n")
        summary.end(end.status, end.reason)
    report.end(result.metrics, trainer.best_epoch, result.epochs, seconds, run_dir)
    return result


def _resume(trainer: Trainer, run_dir: Path) -> None:
    """Load the last checkpoint into `trainer`. A run that was killed before its first checkpoint starts again."""
    comm = trainer.setup.comm
    with comm.main_process_first():  # it repairs damaged files
        if comm.is_main:
            check_writable(run_dir / CHECKPOINTS)
            for leftover in run_dir.rglob(".*.tmp"):  # no other process writes: the directory is locked
                if TEMPORARY.fullmatch(leftover.name):
                    leftover.unlink()
        if stored_checkpoints(run_dir):
            checkpoint, source = load_latest(run_dir / CHECKPOINTS)
            check_network(checkpoint, source, trainer.setup.model)
            check_state(checkpoint, source, trainer.setup.steps_per_epoch)
            check_optimizer(checkpoint.optimizer, trainer.setup.optimizer, source)
            if comm.is_main:
                check_best(run_dir / CHECKPOINTS / BEST, checkpoint, trainer.setup.model)
            _refuse_fewer_epochs(trainer.setup, checkpoint)
            _restore(trainer, checkpoint, source)
        elif comm.is_main:
            for events in run_dir.glob("*tfevents*"):
                empty(events)  # not removed: an open TensorBoard would wait for the removed file


def _restore(trainer: Trainer, checkpoint: Checkpoint, source: Path) -> None:
    states = checkpoint.state["callbacks" if "callbacks" in checkpoint.state else "observers"]
    states.setdefault(InputFiles.__name__, {})  # older checkpoints lack it
    try:
        trainer.resume(checkpoint, source)
    except ConvboardError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"{source} cannot be resumed: its state is not one of this run ({type(error).__name__}: "
            f"{' '.join(str(error).split())}). Put the run's own checkpoint back, or train again."
        ) from error


def _refuse_fewer_epochs(setup: TrainingSetup, checkpoint: Checkpoint) -> None:
    """Refuse a `max_epochs` below the number of epochs that were trained: the config would contradict the run."""
    most = setup.limits.max_epochs
    begun = math.ceil(checkpoint.state["global_step"] / setup.steps_per_epoch)
    if most < begun:
        raise ConfigError(
            f"trainer.max_epochs={most} is fewer than the run has trained already, which is {counted(begun, 'epoch')}. "
            f"Give {begun} or more, or omit it."
        )


def _input_files(config: TrainConfig, dataset: ImageDataset, plan: Plan, run_dir: Path) -> InputFiles:
    """The files of data properties, plan and config. The config is last: it marks a run directory."""
    texts = {
        DATASET: json.dumps(data_properties(dataset), indent=2) + "\n",
        PLAN: json.dumps(plan.to_dict(), indent=2) + "\n",
        CONFIG: dump_config(_stored(config)),
    }
    return InputFiles(run_dir, texts, outdated=RESULT)


@contextmanager
def _owned(run_dir: Path, resumed: bool) -> Iterator[None]:
    """Lock `run_dir` for this process alone. What had to be created is removed at the end if it is empty."""

    def busy(pid: int | None) -> RunError:
        who = f"process {pid}" if pid else "a process of another machine"
        return RunError(
            f"{run_dir} is in use: {who} is training there. Wait for it, or choose another directory with "
            "hydra.run.dir=<folder>."
        )

    made: list[Path] = []
    try:
        made = make_folder(run_dir)
        with locked(run_dir / LOCK, wait=False, busy=busy):
            if (run_dir / CONFIG).exists() and not resumed:
                raise RunError(
                    f"{run_dir} already contains a run, and runs are never overwritten. Resume it with "
                    f"{' '.join(resume_overrides(run_dir))}, or choose another directory with hydra.run.dir=<folder>."
                )
            if not resumed:
                _refuse_foreign_files(run_dir)
            yield
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(run_dir):
            raise
        advice = "Choose another directory with hydra.run.dir=<folder>."
        if resumed and error.errno == errno.EACCES:
            advice = "See that it and all in it may be read and written, and resume the run again."
        if error.errno == errno.ENOSPC:
            advice = f"Free some space, and start again or resume the run: {assignment('resume', run_dir)}."
        raise RunError(f"{run_dir} cannot be written: {error.strerror} ({error.filename}). {advice}") from error
    finally:
        with suppress(OSError):  # not empty
            for folder in made:
                folder.rmdir()


def _refuse_foreign_files(run_dir: Path) -> None:
    """Refuse a directory with files that a new run would overwrite, but for those of a run that could not begin."""
    foreign = [*(run_dir / name for name in (RESULT, SUMMARY, CURVES)), *stored_checkpoints(run_dir)]
    for path, is_of_a_run in ((run_dir / DATASET, is_dataset_file), (run_dir / PLAN, is_plan_file)):
        if path.exists() and not is_of_a_run(path):
            foreign.append(path)
    for path in filter(Path.exists, foreign):
        raise RunError(
            f"{run_dir} holds {path.relative_to(run_dir)}, which a run would overwrite. Choose another directory with "
            "hydra.run.dir=<folder>."
        )

"""A run: training and test of a network in a new or resumed run directory."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from convboard.board.hparams import ALONE, SweepRow
from convboard.config.command_line import assignment
from convboard.config.schema import TrainConfig
from convboard.config.stored_config import dump_config, with_absolute_paths
from convboard.data.dataset import ImageDataset
from convboard.errors import ModelError
from convboard.experiment.console import Report
from convboard.experiment.dataset import build_dataset, data_properties, refuse_other_data, worker_errors
from convboard.experiment.environment import describe_environment, resumed_environment
from convboard.experiment.input_files import InputFiles
from convboard.experiment.last_checkpoint import restore_last_checkpoint
from convboard.experiment.run_dir import load_run
from convboard.experiment.run_files import CHECKPOINTS, CONFIG, DATASET, PLAN, RESULT
from convboard.experiment.run_lock import locked_run_dir
from convboard.experiment.run_plan import choose_plan, default_plan, recorded_plan, shared_plan
from convboard.experiment.run_record import CurvesFile, SummaryFile
from convboard.experiment.run_summary import read_summary
from convboard.experiment.setup import build_callbacks, build_setup
from convboard.experiment.unsaved_state import warn_of_unsaved_state
from convboard.files import atomic_write_text
from convboard.training.callbacks import Callback
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.torchrun import communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.spin_limit import limit_spinning
from convboard.training.forward_backward import CudaGraphError
from convboard.training.malloc import keep_freed_memory
from convboard.training.seeding import set_deterministic
from convboard.training.signals import raising
from convboard.training.trainer import Trainer


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
    lock = locked_run_dir(run_dir, resumed=config.resume is not None) if comm.is_main else nullcontext()
    with raising(), lock:
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
            restore_last_checkpoint(trainer, run_dir)
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


def _input_files(config: TrainConfig, dataset: ImageDataset, plan: Plan, run_dir: Path) -> InputFiles:
    """The files of data properties, plan and config. The config is last: it marks a run directory."""
    texts = {
        DATASET: json.dumps(data_properties(dataset), indent=2) + "\n",
        PLAN: json.dumps(plan.to_dict(), indent=2) + "\n",
        CONFIG: dump_config(_stored(config)),
    }
    return InputFiles(run_dir, texts, outdated=RESULT)

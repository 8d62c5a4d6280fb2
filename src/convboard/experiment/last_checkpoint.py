"""The last checkpoint of a run, loaded into the trainer that resumes it."""

import math
from pathlib import Path

from convboard.errors import CheckpointError, ConfigError, ConvboardError
from convboard.experiment.console import counted
from convboard.experiment.input_files import InputFiles
from convboard.experiment.run_dir import stored_checkpoints
from convboard.experiment.run_files import CHECKPOINTS
from convboard.files import TEMPORARY, check_writable, empty
from convboard.training.checkpoint import BEST, Checkpoint, load_latest
from convboard.training.optimizer_state import check_optimizer
from convboard.training.saved_state import check_best, check_network, check_state
from convboard.training.trainer import Trainer
from convboard.training.training_setup import TrainingSetup


def restore_last_checkpoint(trainer: Trainer, run_dir: Path) -> None:
    """Load the last checkpoint of a run into a trainer. A run that was killed before its first one starts again.

    Args:
        trainer: That of the resumed run.
        run_dir: The run directory, which no other process writes.

    Raises:
        CheckpointError: The checkpoint is damaged, or of another network or optimizer.
        ConfigError: The run has trained more epochs than it is to have.
    """
    comm = trainer.setup.comm
    with comm.main_process_first():  # it repairs damaged files
        if comm.is_main:
            check_writable(run_dir / CHECKPOINTS)
            for leftover in run_dir.rglob(".*.tmp"):
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

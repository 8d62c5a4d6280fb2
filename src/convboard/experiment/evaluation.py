"""The evaluation of the best network of a finished run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from torch import nn

from convboard.data.dataset import ImageDataset
from convboard.errors import RunError
from convboard.experiment.dataset import build_batches, build_dataset, refuse_other_data, worker_errors
from convboard.experiment.run_dir import Run
from convboard.experiment.run_plan import default_plan, recorded_plan
from convboard.training.callbacks import Evaluation
from convboard.training.evaluation import evaluate
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.spin_limit import limit_spinning
from convboard.training.losses import build_loss
from convboard.training.malloc import keep_freed_memory
from convboard.training.seeding import set_deterministic
from convboard.training.training_setup import Splits


class BestNetwork(NamedTuple):
    """The best network of a run, ready to be evaluated as the run has done it.

    Attributes:
        run: The run.
        model: The network, on the device of the plan.
        plan: The execution plan.
        dataset: The images.
        splits: The same in batches.
    """

    run: Run
    model: nn.Module
    plan: Plan
    dataset: ImageDataset
    splits: Splits

    def evaluate(self, split: str) -> Evaluation:
        """Evaluate it on `val` or `test`."""
        config = self.run.config
        loss = build_loss(config.loss.name, config.loss.label_smoothing)
        limit = getattr(config.trainer, f"limit_{split}_batches")
        return evaluate(self.model, getattr(self.splits, split), loss, self.plan, limit)


@contextmanager
def best_network(finished: Run, trust: bool = False, model: nn.Module | None = None) -> Iterator[BestNetwork]:
    """Load the best network of a finished run, and its images. Within, it computes as the run has done.

    Args:
        finished: The run, from `load_run`.
        trust: See `Run.model`.
        model: See `Run.model`.

    Raises:
        ConvboardError: See `evaluate_run`.
    """
    keep_freed_memory()
    config = finished.config
    plan = recorded_plan(finished) or default_plan(config)
    set_deterministic(config.trainer.deterministic)
    network = plan.place(finished.model(trust, model))
    dataset = build_dataset(config)
    refuse_other_data(finished.path, finished.dataset, dataset)
    splits = build_batches(config, dataset, plan)
    with plan.with_threads(), limit_spinning(), worker_errors(config, "Evaluate it again when more memory is free."):
        yield BestNetwork(finished, network, plan, dataset, splits)


def evaluate_run(finished: Run, trust: bool = False, model: nn.Module | None = None) -> dict[str, float]:
    """Evaluate the best network of a finished run on its own validation and test splits.

    Args:
        finished: The run, from `load_run`.
        trust: See `Run.model`.
        model: See `Run.model`.

    Returns:
        `accuracy/val`, `loss/val`, `accuracy/test` and `loss/test`, equal to the run's own on the same machine.

    Raises:
        RunError: The data has changed since the run was trained, or it is no `Run`, or see `Run.model`.
        ConvboardError: The data cannot be read, or see `Run.model`.
    """
    if not isinstance(finished, Run):
        call = "evaluate_run(convboard.load_run(path))"
        raise RunError(f"evaluate_run takes a run, not a value of type {type(finished).__name__}: write {call}.")
    with best_network(finished, trust, model) as best:
        val, test = best.evaluate("val"), best.evaluate("test")
    return {
        "accuracy/val": val.accuracy,
        "loss/val": val.loss,
        "accuracy/test": test.accuracy,
        "loss/test": test.loss,
    }

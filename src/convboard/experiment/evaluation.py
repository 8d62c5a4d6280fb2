"""The evaluation of the best network of a finished run."""

from torch import nn

from convboard.errors import RunError
from convboard.experiment.dataset import build_batches, build_dataset, refuse_other_data, worker_errors
from convboard.experiment.run_dir import Run
from convboard.experiment.run_plan import default_plan, recorded_plan
from convboard.training.evaluation import evaluate
from convboard.training.execution_plan.spin_limit import limit_spinning
from convboard.training.losses import build_loss
from convboard.training.malloc import keep_freed_memory
from convboard.training.seeding import set_deterministic


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
    keep_freed_memory()
    config = finished.config
    plan = recorded_plan(finished) or default_plan(config)
    set_deterministic(config.trainer.deterministic)
    network = plan.place(finished.model(trust, model))
    dataset = build_dataset(config)
    refuse_other_data(finished.path, finished.dataset, dataset)
    splits = build_batches(config, dataset, plan)
    loss = build_loss(config.loss.name, config.loss.label_smoothing)
    with plan.with_threads(), limit_spinning(), worker_errors(config, "Evaluate it again when more memory is free."):
        val = evaluate(network, splits.val, loss, plan, config.trainer.limit_val_batches)
        test = evaluate(network, splits.test, loss, plan, config.trainer.limit_test_batches)
    return {
        "accuracy/val": val.accuracy,
        "loss/val": val.loss,
        "accuracy/test": test.accuracy,
        "loss/test": test.loss,
    }

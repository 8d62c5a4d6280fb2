"""The execution plan that a run would choose, without the run."""

from pathlib import Path

from convboard.config.schema import TrainConfig
from convboard.experiment.dataset import build_dataset
from convboard.experiment.run_plan import choose_plan, default_plan
from convboard.experiment.setup import build_setup
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.malloc import keep_freed_memory
from convboard.training.seeding import set_deterministic


def chosen_plan(config: TrainConfig) -> Plan:
    """Return the plan that a new run would choose. Nothing is trained or written, but for the cache of measurements.

    Args:
        config: The config of the run.

    Raises:
        ConvboardError: It cannot be run.
    """
    keep_freed_memory()
    set_deterministic(config.trainer.deterministic)
    plan = default_plan(config)
    dataset = build_dataset(config)
    with plan.with_threads():
        setup = build_setup(config, dataset, plan, Path(), Communicator())
    return choose_plan(setup).plan

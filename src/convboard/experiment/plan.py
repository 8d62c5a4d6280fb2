"""The execution plan of a run: what the config fixes, what a resumed run recorded, and what a measurement chooses."""

import os

import torch

from convboard.errors import ConfigError
from convboard.training.execution_plan.plan import Plan


def check_processes(plan: Plan) -> None:
    """Refuse a plan by which several processes cannot train together.

    Raises:
        ConfigError: The device cannot be shared, or the plan records the step.
    """
    if plan.cuda_graph:
        raise ConfigError("trainer.cuda_graph=true: a step of several processes cannot be recorded. Leave it away.")
    if plan.device.type == "cuda":
        processes, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if processes > gpus:
            raise ConfigError(
                f"torchrun started {processes} processes on a machine with {gpus} GPUs, and each needs one of its own: "
                f"set --nproc-per-node {gpus}, or trainer.device=cpu."
            )
    elif plan.device.type != "cpu":
        raise ConfigError(f"{plan.device.type} cannot be shared by several processes: set trainer.device=cpu.")

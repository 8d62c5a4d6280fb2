"""The execution plan of a run: fixed by the config, recorded by a resumed run, or measured."""

import json
import logging
import os
from dataclasses import replace

import torch

from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError
from convboard.experiment.run_dir import Run
from convboard.experiment.run_files import PLAN
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.choose_plan import PlanChoice, candidates, choose_fastest, plain_plan
from convboard.training.execution_plan.other_load import core_count
from convboard.training.execution_plan.plan import Plan, available_devices, compile_failure, has_bf16
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)


def recorded_plan(run: Run) -> Plan | None:
    """Return the recorded plan of a run; None, with a warning, if this machine cannot use it."""
    if not run.plan:
        reason = f"{run.path / PLAN} is missing"
    elif (plan := Plan.from_dict(run.plan)).device.type not in available_devices():
        reason = f"the run computes on {plan.device}, which this machine does not have"
    else:
        return plan
    _log.warning("%s: a new plan is chosen, and results may differ from those of the run in their last digits.", reason)
    return None


def default_plan(config: TrainConfig) -> Plan:
    """Return the plan of a new run before any measurement.

    Raises:
        ConfigError: This machine does not support the device or the plan of the config.
    """
    trainer = config.trainer
    device = choose_device(trainer.device)
    if trainer.compile and (failure := compile_failure(device)):
        raise ConfigError(
            f"trainer.compile=true: torch.compile does not work on this machine ({failure}). It needs a C++ compiler, "
            "such as g++, and for a GPU Triton: install that, or leave trainer.compile=false."
        )
    if trainer.cuda_graph and device.type != "cuda":
        raise ConfigError(
            f"trainer.cuda_graph=true: only an NVIDIA GPU can replay a recorded step, and this run is on {device.type}."
            " Omit it, or choose trainer.device=cuda on a machine that has one."
        )
    if trainer.precision == "bf16" and not has_bf16(device):
        _log.warning(
            "trainer.precision=bf16: this %s has no bfloat16 arithmetic of its own; emulated, it is slower than fp32. "
            "trainer.precision=auto takes the faster one.",
            device.type,
        )
    cores = core_count()
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


def choose_device(name: str) -> torch.device:
    """Return the device of this machine that `trainer.device` names; `auto` takes a GPU if there is one.

    Raises:
        ConfigError: This machine has no such device.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[-1])
    if name not in available:
        raise ConfigError(
            f"trainer.device={name}: torch {torch.__version__} finds no {name} device on this machine. "
            f"Available here: {', '.join(available)}. Use trainer.device=auto to take the best one there is."
        )
    return torch.device(name)


def shared_plan(plan: Plan, comm: Communicator, is_recorded: bool) -> Plan:
    """Return the plan of all processes: that of rank 0.

    Args:
        plan: The plan of this process.
        comm: The processes.
        is_recorded: Whether the plan is that of a resumed run, which may have had a single process and a CUDA graph.

    Raises:
        ConfigError: Several processes cannot use the plan.
    """
    if comm.world_size == 1:
        return plan
    if is_recorded:
        plan = replace(plan, cuda_graph=False)
    plan = Plan.from_dict(json.loads(comm.broadcast(json.dumps(plan.to_dict()))))
    if plan.cuda_graph:
        raise ConfigError("trainer.cuda_graph=true: a step of several processes cannot be recorded. Omit it.")
    if plan.device.type == "cuda":
        processes, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if processes > gpus:
            raise ConfigError(
                f"torchrun started {processes} processes on a machine with {gpus} GPUs, and each needs one of its own: "
                f"set --nproc-per-node {gpus}, or trainer.device=cpu."
            )
    elif plan.device.type != "cpu":
        raise ConfigError(f"{plan.device.type} cannot be shared by several processes: set trainer.device=cpu.")
    return plan


def choose_plan(setup: TrainingSetup, is_recorded: bool = False) -> PlanChoice:
    """Choose the plan of a run: `setup.plan`, or a faster one if a measurement may decide.

    Args:
        setup: The run.
        is_recorded: Whether `setup.plan` is that of a resumed run, which keeps it.
    """
    processes = setup.comm.world_size
    if is_recorded:
        return PlanChoice(setup.plan, "kept from the run's plan.json", processes=processes)
    options = setup.plan_options
    plans = candidates(options, setup.plan)
    if reason := _unmeasured(setup, len(plans)):
        choice = PlanChoice(setup.plan, reason, processes=processes)
    else:
        choice = choose_fastest(setup, plans, measure_anew=options.plan == "measure")
    if options.precision == "auto" and not choice.images_per_second:
        return replace(choice, reason=f"{choice.reason}; trainer.precision=auto is then fp32")
    return choice


def _unmeasured(setup: TrainingSetup, candidates: int) -> str:
    """Return why the options or the processes rule out a measurement; empty if plans may be measured."""
    if setup.comm.world_size > 1:
        return "not measured, since several processes compute at once"
    if setup.plan_options.plan == "default":
        return "the default, nothing measured"
    if setup.plan_options.plan == "none":
        is_plain = setup.plan == plain_plan(setup.plan)
        return f"none, nothing measured; {'plain eager fp32' if is_plain else 'as given in the config'}"
    if setup.plan_options.deterministic:
        return "not measured, since trainer.deterministic=true"
    if setup.plan.compile:
        return "not measured, since trainer.compile=true would compile each"
    return "given in the config, nothing measured" if candidates == 1 else ""

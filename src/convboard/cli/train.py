"""`convboard train`, and `python train.py` in a checkout: train one network, or with -m a sweep of them."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import hydra
from omegaconf import DictConfig

from convboard.cli import command_help
from convboard.cli.flags import sort_arguments
from convboard.cli.frame import tell
from convboard.cli.hydra_keys import refuse_hydra_keys
from convboard.cli.job import exit_by_signal, job, sweep
from convboard.config import compose
from convboard.config.command_line import assignment, command, format_value
from convboard.config.conf_folders import CONF
from convboard.config.override_values import overridden, refuse_too_many_runs, with_quoted_texts
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError
from convboard.experiment.repeat import expand_repeat
from convboard.experiment.resume import resumed_config
from convboard.experiment.run_dir import load_run_config
from convboard.training.distributed.torchrun import communicator

_CONFIG_DIR, _SEARCHPATH = "--config-dir=", "hydra.searchpath="  # two ways to name folders with options
_SWEEP_MODE = "hydra.mode=MULTIRUN"  # another way to say -m
_HYDRA_KEY = r"[+~]*hydra[./](?!sweep\.dir=|searchpath=|mode=)"  # a key of Hydra that the pool does not honour


def main() -> None:
    """Run the command."""
    if command_help.is_asked_for():
        print(command_help.train_help([argument for argument in sys.argv[1:] if not argument.startswith("-")]))
        return
    flags, given = sort_arguments(sys.argv[1:])
    is_sweep = "--multirun" in flags or _SWEEP_MODE in given
    overrides = expand_repeat(with_quoted_texts(given, is_sweep))
    sys.argv = [sys.argv[0], *flags, *overrides]  # for Hydra
    refuse_hydra_keys(overrides, is_sweep)
    own = [override for override in overrides if re.match(r"[+~]*sweep[.=]", override)]
    if own and not is_sweep:
        raise ConfigError(f"{own[0]} is for a sweep: add -m.")
    if is_sweep:
        _check_sweep(overrides)
        searched = _searched_folder(flags)
        if not _is_for_hydra(flags, [*searched, *overrides]):
            from convboard.cli.sweep import run_sweep  # deferred for start-up time

            run_sweep([*searched, *(override for override in overrides if override != _SWEEP_MODE)])
            return
        if own:
            raise ConfigError(
                f"{own[0]} cannot be used with a launcher or a sweeper of Hydra, or with other keys of it. Omit these, "
                "or the keys of the sweep."
            )
        _tell_of_hydra(overrides)
        refuse_too_many_runs(overrides)
    if run := overridden(overrides, "resume"):
        _refuse_sweep(run)
        load_run_config(Path(run))  # before Hydra makes the directory, if there is none
    compose.register()
    resumes = any(override.lstrip("+").startswith("resume=") for override in overrides)
    with (
        exit_by_signal(),
        sweep() if is_sweep else nullcontext(),
        compose.without_own_options() if resumes else nullcontext(),
    ):
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(_train)()


def _check_sweep(overrides: Sequence[str]) -> None:
    """Check that a sweep can be run.

    Raises:
        ConfigError: It resumes a run, or was started by torchrun.
    """
    if resumed := [argument for argument in overrides if argument.startswith("resume=")]:
        _refuse_sweep(overridden(resumed, "resume") or "")
        raise ConfigError(f"{resumed[0]} resumes a single run and cannot be used with -m. Remove -m.")
    if communicator().world_size > 1:
        raise ConfigError(
            "-m: torchrun cannot run a sweep, because its processes train one network together. Omit -m and give one "
            "value for each key; or run the sweep with python."
        )


def _refuse_sweep(run: str) -> None:
    """Refuse the folder of a sweep in the place of that of a run."""
    from convboard.sweeps.store.sweep_record import SWEEP  # deferred for start-up time

    if os.path.exists(f"{run}/{SWEEP}"):  # noqa: PTH110  (false also for a name that is too long)
        go_on = command("train", "-m", assignment("sweep.resume", run))
        raise ConfigError(f"resume={run} is a sweep, not a run. Go on with the sweep: {go_on}")


def _searched_folder(flags: Sequence[str]) -> list[str]:
    """Return the flag for a folder with options as an override, which the commands of the trials can have as well.

    Raises:
        ConfigError: There is no such folder.
    """
    folders = [Path(flag.removeprefix(_CONFIG_DIR)).absolute() for flag in flags if flag.startswith(_CONFIG_DIR)]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{_CONFIG_DIR}{folder}: there is no such folder.")
    return [f"{_SEARCHPATH}[{format_value(f'file://{folder}', quoted=True)}]" for folder in folders]


def _is_for_hydra(flags: Sequence[str], overrides: Sequence[str]) -> bool:
    """Return whether a sweep chooses a launcher or a sweeper of Hydra, or sets other keys of Hydra."""
    if any(flag != "--multirun" and not flag.startswith(_CONFIG_DIR) for flag in flags):
        return True
    if sum(override.startswith(_SEARCHPATH) for override in overrides) > 1:
        return True
    return any(re.match(_HYDRA_KEY, override) for override in overrides)


def _tell_of_hydra(overrides: Sequence[str]) -> None:
    """Tell that runs are trained in turn because of a key of Hydra, if the user has not chosen how Hydra runs them."""
    keys = [override for override in overrides if re.match(_HYDRA_KEY, override)]
    if keys and not any(re.match(r"[+~]*hydra/(launcher|sweeper)=", override) for override in keys):
        tell(f"{keys[0]} is for Hydra's own launcher, which trains the runs in turn. Without it they run side by side.")


def _train(composed: DictConfig) -> float:
    """Run the composed config, and return the objective for the sweepers of Hydra."""
    with job():
        config = _checked_config(composed)
        from convboard.experiment.run import run  # after the config is checked: this imports torch

        return run(config, compose.hydra_output_dir()).objective


def _checked_config(composed: DictConfig) -> TrainConfig:
    """Return the config of a new run, or of the run that `resume` names.

    Raises:
        ConfigError: See `compose.checked_config`; or the run cannot be resumed with these arguments.
    """
    if not composed.get("resume"):
        return compose.checked_config(composed)
    run_dir = compose.hydra_output_dir()
    if run_dir.resolve() != Path(composed.resume).resolve():
        raise ConfigError(
            f"resume={composed.resume} continues in the directory of that run: omit "
            f"hydra.run.dir={os.path.relpath(run_dir)}."
        )
    return resumed_config(composed, compose.overrides())

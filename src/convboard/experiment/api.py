"""The Python API of training: `convboard.train`, `compose`, `run` and `resume`."""

import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from convboard.config.command_line import format_value
from convboard.config.compose import Composed, compose_config
from convboard.config.conf_folders import conf_folders
from convboard.config.groups import DatasetConfig, TrainerConfig
from convboard.config.schema import GROUPS, OPEN_GROUPS, RATES, TrainConfig
from convboard.config.synonyms import KEYS
from convboard.data.options import DATASETS
from convboard.errors import ConfigError, nearest
from convboard.experiment.python_messages import call_that_resumes, errors_of_python
from convboard.experiment.resume import resume_call
from convboard.experiment.run_dir import GIVEN, load_run_config, refuse_foreign, refuse_given

if TYPE_CHECKING:
    from torch import nn

    from convboard.experiment.run import RunResult


def train(
    model: "str | type[nn.Module] | nn.Module | None" = None,
    dataset: str | Path | None = None,
    *overrides: str,
    run_dir: str | Path | None = None,
    **keys: Any,
) -> "RunResult":
    """Train a network and show it in TensorBoard, as the command `train` does.

    Args:
        model: The name of one of convboard's networks, a class, or a network. Arguments of a class that follow from the
            data (channels, image size, classes) are filled in. A network is trained in place, and holds the weights of
            the best epoch afterwards. None: that of `experiment`, or else `lenet`.
        dataset: The name of a data set, or the path of a folder with one folder of pictures per class. None: that of
            `experiment`, or else `digits`.
        overrides: Further keys, as on the command line: `"model.image_size=28"`.
        run_dir: A new directory for the run; None: `outputs/<dataset>/<model>/<date>-<id>`.
        keys: The keys of a config by their last name: `max_epochs`, `device`, `patience` and all others of `trainer`;
            `lr`, `weight_decay` and `momentum` of the optimizer; `path`, `image_size`, `val_size`, `random_crop` and
            all others of the data set; `seed`, `batch_size`, `data_dir` and `objective`; and the options `optimizer`,
            `scheduler`, `loss`, `board` and `experiment`. `optimizer` and `scheduler` can be a class too.

    Returns:
        The metrics of the best epoch, and the run directory.

    Raises:
        ConvboardError: An argument is unknown or not allowed, or the network does not fit the data.
        Interrupted: Ctrl-C asked the run to end; it is saved.
    """
    names = _keys_by_name()
    for name in keys:
        if name not in names:
            synonyms = {word: own for word, key in KEYS.items() for own, its in names.items() if its == key}
            raise ConfigError(f"{name} is not an argument of train. {nearest(name, names, synonyms)}")
    written = [_override(names[name], name, value) for name, value in keys.items()]
    module, chosen = _model_overrides(model)
    images = _dataset_overrides(dataset)
    arguments = {key: name for name, key in names.items()}
    if len(images) > 1:
        arguments["dataset.path"] = "dataset"
    with errors_of_python(arguments):
        composed = _composed([*chosen, *images, *written, *overrides])
        return _run(composed.config, run_dir or composed.run_dir, module)


def compose(*overrides: str) -> TrainConfig:
    """Compose the config of a run, as the command `train` does.

    Args:
        overrides: As on the command line: `"model=lenet"`, `"optimizer.lr=0.01"`.

    Returns:
        The checked config.

    Raises:
        ConfigError: A key or an option does not exist, or a value is not allowed.
    """
    from convboard.experiment.setup import resolve_targets  # deferred for start-up time: it imports torch

    with errors_of_python({}):
        config = _composed(overrides).config
        resolve_targets(config)
        return config


def run(config: TrainConfig, run_dir: str | Path, model: "nn.Module | None" = None) -> "RunResult":
    """Train what a config describes, and show it in TensorBoard.

    Args:
        config: The config, from `compose` or `load_run(...).config`.
        run_dir: A new directory for the run.
        model: A network to train in place of the one that `config.model` describes.

    Returns:
        The metrics of the best epoch, and the run directory.

    Raises:
        ConvboardError: Something in the config, the data or the directory is wrong.
        Interrupted: Ctrl-C asked the run to end; it is saved.
    """
    with errors_of_python({}):
        return _run(config, run_dir, model)


def resume(
    path: str | Path, max_epochs: int | None = None, *, trust: bool = False, model: "nn.Module | None" = None
) -> "RunResult":
    """Resume a run that was stopped or killed, or train a finished one for longer.

    Args:
        path: The run directory.
        max_epochs: The new number of epochs; None: the run's own.
        trust: Build what is not convboard's own, such as a class of yours. That runs code that the directory names.
        model: A network of the same architecture, in place of building one. A run that was given a network needs one.

    Returns:
        The metrics of the best epoch, and the run directory.

    Raises:
        RunError: It is no run; or it needs `trust` or `model`.
        ConfigError: `max_epochs` is fewer than the run has trained already.
        ConvboardError: The data or a checkpoint cannot be read, or is not that of the run.
        Interrupted: Ctrl-C asked the run to end; it is saved.
    """
    path = Path(path)
    with errors_of_python({"trainer.max_epochs": "max_epochs"}):
        stored = load_run_config(path)
        if model is None:
            refuse_given(path, stored, resume_call(path, stored))
        groups = [group for group in OPEN_GROUPS if group != "model" or model is None]
        refuse_foreign(path, stored, groups, trust=trust)
        trainer = stored.trainer if max_epochs is None else replace(stored.trainer, max_epochs=max_epochs)
        return _train(replace(stored, trainer=trainer, resume=str(path)), path, model)


def _composed(overrides: Sequence[str]) -> Composed:
    """Compose overrides, but for those that only a command line has."""
    for override in overrides:
        if override.lstrip("+~").startswith(("hydra.", "hydra/")):
            raise ConfigError(
                f"{override}: the keys of hydra belong to the command line. In Python, the directory of a run is the "
                "argument run_dir."
            )
        if override.startswith("-"):
            wanted = override.lstrip("-") if "=" in override else "key=value"
            raise ConfigError(f"{override!r} is not understood: write {wanted}, without dashes.")
    return compose_config(overrides)


def _run(config: TrainConfig, run_dir: str | Path, model: "nn.Module | None") -> "RunResult":
    """Train in a new directory, and record in the config whether the network was given."""
    if config.resume is not None:
        call = call_that_resumes(Path(config.resume))
        raise ConfigError(f"config.resume={config.resume!r}: run trains new runs only. Use {call}.")
    if model is not None:
        size = {key: value for key, value in config.model.items() if key == "image_size"}  # that of the images
        cls = type(model)
        config = replace(config, model={"_target_": f"{cls.__module__}.{cls.__qualname__}", GIVEN: True, **size})
    elif GIVEN in config.model:
        raise ConfigError(
            f"The config is that of a network that was given from Python ({config.model['_target_']}), so it cannot "
            "be built. Give such a network again: convboard.run(config, run_dir, model=network)."
        )
    return _train(config, Path(run_dir), model)


def _train(config: TrainConfig, run_dir: Path, model: "nn.Module | None") -> "RunResult":
    from convboard.experiment.run import run as run_config  # deferred for start-up time: it imports torch
    from convboard.training.signals import Interrupted

    try:
        return run_config(config, run_dir, model)
    except Interrupted as error:
        error.args = (f"{error}; the run is saved. Go on with it: {resume_call(run_dir, config)}",)
        raise


def _keys_by_name() -> dict[str, str]:
    """The keys of a config by their names as arguments of `train`."""
    general = [field.name for field in fields(TrainConfig) if field.name not in (*GROUPS, "resume")]
    return {
        **{field.name: f"trainer.{field.name}" for field in fields(TrainerConfig)},
        **{name: f"optimizer.{name}" for name in RATES},
        **{field.name: f"dataset.{field.name}" for field in fields(DatasetConfig) if field.name != "name"},
        **{name: name for name in (*general, "optimizer", "scheduler", "loss", "board", "experiment")},
    }


def _model_overrides(model: "str | type[nn.Module] | nn.Module | None") -> "tuple[nn.Module | None, list[str]]":
    """The network to train, if one is given, and the overrides that choose it.

    Raises:
        ConfigError: A class that cannot be imported by its name.
    """
    if model is None:
        return None, []
    if isinstance(model, str):
        return None, [f"model._target_={model}" if "." in model else f"model={model}"]
    from torch import nn  # deferred for start-up time

    cls = model if isinstance(model, type) else type(model)
    if not issubclass(cls, nn.Module):
        raise ConfigError(f"model={model!r}: must be a name, a class derived from nn.Module, or a network.")
    if not isinstance(model, type):  # the name is for the run directory; it need not be one that can be imported
        return model, ["model._target_=given." + re.sub(r"\W", "_", cls.__name__)]
    return None, [f"model._target_={_importable('model', cls, f', or give a network: model={cls.__name__}(...)')}"]


def _importable(name: str, cls: type, advice: str = "") -> str:
    """Return the name by which a class can be imported.

    Args:
        name: The argument, for messages.
        cls: The class.
        advice: What else to do if it cannot be imported.

    Raises:
        ConfigError: The class is defined inside a function.
    """
    if "<locals>" in cls.__qualname__:
        raise ConfigError(
            f"{name}={cls.__name__}: the class is defined inside a function, where a run cannot find it. Define it at "
            f"the top level of a module or notebook{advice}."
        )
    if cls.__module__.startswith("torch.optim."):
        from torch import optim  # deferred for start-up time

        if getattr(optim, cls.__name__, None) is cls:
            return f"torch.optim.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def _override(key: str, name: str, value: object) -> str:
    """Return an argument of `train` as an override.

    Args:
        key: Its key in a config.
        name: Its name.
        value: Its value.

    Raises:
        ConfigError: The value is none that a config can hold.
    """
    if name in ("optimizer", "scheduler"):
        if isinstance(value, type):
            return f"{key}._target_={_importable(name, value)}"
        if not isinstance(value, str):
            raise ConfigError(
                f"{name}={type(value).__name__}(...): give its name or its class, because a run builds its own: "
                f"{name}={type(value).__name__}. Its arguments are given as lr=0.1 or as '{name}.<argument>=<value>'."
            )
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of NumPy or torch
        value = value.item()
    if not isinstance(value, (str, Path, int, float, list, tuple, dict, NoneType)):
        raise ConfigError(f"{name}={value!r}: must be a text, a number, true or false, a list, or None.")
    return f"{key}={format_value(value, quoted=True)}"


def _dataset_overrides(dataset: str | Path | None) -> list[str]:
    """The overrides that choose a data set by its name, or else by its folder.

    Raises:
        ConfigError: It is neither.
    """
    if dataset is None:
        return []
    names = {*DATASETS, *(option.stem for folder in conf_folders() for option in folder.glob("dataset/*.yaml"))}
    if dataset in names:
        return [f"dataset={dataset}"]
    if isinstance(dataset, Path) or Path(dataset).name != dataset or Path(dataset).is_dir():
        return ["dataset=image_folder", f"dataset.path={format_value(str(dataset), quoted=True)}"]
    raise ConfigError(f"dataset={dataset!r} is neither the name of a data set nor a folder. {nearest(dataset, names)}")

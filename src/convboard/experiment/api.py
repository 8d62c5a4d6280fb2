"""Training from Python: `convboard.train` and `convboard.run`, whose errors speak of Python arguments."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convboard.config.compose import compose_config
from convboard.config.schema import GROUPS, RATES, TrainConfig
from convboard.errors import ConfigError, ConvboardError, nearest

if TYPE_CHECKING:
    from torch import nn

    from convboard.experiment.run import RunResult

_DATASET_KEYS = ("path", "image_size", "val_size", "random_crop", "horizontal_flip", "cutout")


def train(
    model: "str | type[nn.Module] | nn.Module" = "lenet",
    dataset: str | Path = "digits",
    *overrides: str,
    run_dir: str | Path | None = None,
    **keys: Any,
) -> "RunResult":
    """Train a network and show it in TensorBoard, as the command `train` does.

    Args:
        model: The name of one of convboard's networks, a class, or a network. Arguments of a class that follow from the
            data (channels, image size, classes) are filled in. A network is trained in place, and holds the weights of
            the best epoch afterwards.
        dataset: The name of a data set, or the path of a folder with one folder of pictures per class.
        overrides: Further keys, as on the command line: `"model.image_size=28"`.
        run_dir: A new directory for the run; None: `outputs/<dataset>/<model>/<date>-<id>`.
        keys: The keys of a config by their last name: `max_epochs`, `device`, `patience` and all others of `trainer`;
            `lr`, `weight_decay` and `momentum` of the optimizer; `path`, `image_size`, `val_size`, `random_crop`,
            `horizontal_flip` and `cutout` of the data set; `seed`, `batch_size`, `data_dir` and `objective`; and the
            options `optimizer`, `scheduler`, `loss`, `board` and `experiment`.

    Returns:
        The metrics of the best epoch, and the run directory.

    Raises:
        ConvboardError: An argument is unknown or not allowed, or the network does not fit the data.
        Interrupted: Ctrl-C asked the run to end; it is saved.
    """
    names = _keys_by_name()
    for name in keys:
        if name not in names:
            raise ConfigError(f"{name} is not an argument of train. {nearest(name, names)}")
    written = [f"{names[name]}={_written(value)}" for name, value in keys.items()]
    module, chosen = _model_overrides(model)
    with _errors_of_python({key: name for name, key in names.items()}):
        composed = compose_config([*chosen, *_dataset_overrides(dataset), *written, *overrides])
        from convboard.experiment.run import run as run_config  # deferred for start-up time: it imports torch

        return run_config(composed.config, run_dir or composed.run_dir, module)


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
    from convboard.experiment.run import run as run_config  # deferred for start-up time: it imports torch

    with _errors_of_python({}):
        return run_config(config, run_dir, model)


def resume(path: str | Path, max_epochs: int | None = None) -> "RunResult":
    """Resume a run that was stopped or killed, or train a finished one for longer.

    Args:
        path: The run directory.
        max_epochs: The new number of epochs; None: the run's own.

    Raises:
        ConvboardError: It is no run, or cannot be resumed; its network must be convboard's own.
    """
    from convboard.experiment.resume import refuse_foreign
    from convboard.experiment.run import run as run_config  # deferred for start-up time: it imports torch
    from convboard.experiment.run_dir import load_run_config

    with _errors_of_python({"trainer.max_epochs": "max_epochs"}):
        stored = load_run_config(Path(path))
        refuse_foreign(Path(path), stored, ())
        trainer = stored.trainer if max_epochs is None else replace(stored.trainer, max_epochs=max_epochs)
        return run_config(replace(stored, trainer=trainer, resume=str(path)), path)


def _keys_by_name() -> dict[str, str]:
    """The keys of a config by their names as arguments of `train`."""
    (trainer,) = (field.type for field in fields(TrainConfig) if field.name == "trainer")
    assert isinstance(trainer, type)
    general = [field.name for field in fields(TrainConfig) if field.name not in (*GROUPS, "resume")]
    return {
        **{field.name: f"trainer.{field.name}" for field in fields(trainer)},
        **{name: f"optimizer.{name}" for name in RATES},
        **{name: f"dataset.{name}" for name in _DATASET_KEYS},
        **{name: name for name in (*general, "optimizer", "scheduler", "loss", "board", "experiment")},
    }


def _model_overrides(model: "str | type[nn.Module] | nn.Module") -> "tuple[nn.Module | None, list[str]]":
    """The network to train, if one is given, and the overrides that choose it.

    Raises:
        ConfigError: A class that cannot be imported by its name.
    """
    if isinstance(model, str):
        return None, [f"model._target_={model}" if "." in model else f"model={model}"]
    from torch import nn  # deferred for start-up time

    cls = model if isinstance(model, type) else type(model)
    if not issubclass(cls, nn.Module):
        raise ConfigError(f"model={model!r}: must be a name, a class derived from nn.Module, or a network.")
    if isinstance(model, type) and "<locals>" in cls.__qualname__:
        raise ConfigError(
            f"model={cls.__name__}: the class is defined inside a function, where a run cannot find it. Define it at "
            f"the top level of a module or notebook, or give a network: model={cls.__name__}(...)."
        )
    return None if isinstance(model, type) else model, [f"model._target_={cls.__module__}.{cls.__qualname__}"]


def _dataset_overrides(dataset: str | Path) -> list[str]:
    if isinstance(dataset, str) and not Path(dataset).is_dir():
        return [f"dataset={_written(dataset)}"]
    return ["dataset=image_folder", f"dataset.path={_written(str(dataset))}"]


def _written(value: Any) -> str:
    """A value as Hydra's overrides have it."""
    if isinstance(value, str):
        return value if re.fullmatch(r"\w+", value) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, Path):
        return _written(str(value))
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_written(item)}" for key, item in value.items()) + "}"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


@contextmanager
def _errors_of_python(names: dict[str, str]) -> Iterator[None]:
    """Put the arguments of a Python call in the place of config keys and of command-line advice in messages.

    Args:
        names: The argument by the key.

    Raises:
        ConvboardError: One that was raised within.
    """
    names = {**names, "hydra.run.dir": "run_dir"}
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(key)}(?![\w.]*\w)" for key in sorted(names, key=len)[::-1]))
    try:
        yield
    except ConvboardError as error:
        text = pattern.sub(lambda key: names[key[0]], str(error)).replace(" (in a config: ", " (")
        text = re.sub(r"\bresume=(?:'resume=\"([^\"]+)\"'|(\S+?))(?=[,.]?(\s|$))", r'convboard.resume("\1\2")', text)
        if text == str(error):
            raise
        raise type(error)(text, *error.args[1:]) from error

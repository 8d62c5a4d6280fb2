"""Run directories, read. Nothing that is read is executed: weights are safetensors, the rest is YAML and JSON."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convboard.config.command_line import assignment
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.config.stored_config import load_config
from convboard.config.trusted_targets import are_usual, foreign_targets
from convboard.errors import DataError, RunError
from convboard.experiment.no_run import no_run
from convboard.experiment.run_files import CHECKPOINTS, CONFIG, DATASET, PLAN, RESULT
from convboard.experiment.stored_json import read_dataset, read_plan, read_result
from convboard.experiment.trusted_runs import remember, remembered

if TYPE_CHECKING:
    from torch import nn

    from convboard.feature_maps.inference_model import InferenceModel, Prediction

GIVEN = "_given_"  # in the config's `model`: the network was an object given from Python, which no config describes


@dataclass(frozen=True)
class Run:
    """A run directory.

    Attributes:
        path: The directory.
        config: The config of the run.
        dataset: The facts of the data that the network needs: `image_shape` as [C, H, W], `class_names`, and `mean` and
            `std` per channel, of pixels from 0 to 1.
        result: The contents of `result.json` (`metrics` by tag, `status`, ...); empty until the run has finished.
        plan: The execution plan, as `Plan.to_dict` gives it; empty where the file is missing.
    """

    path: Path
    config: TrainConfig
    dataset: dict[str, Any]
    result: dict[str, Any]
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the best epoch by tag, such as `accuracy/test`; empty until the run has finished."""
        return dict(self.result.get("metrics", {}))

    @property
    def best_checkpoint(self) -> Path:
        """The file of the weights with the best validation accuracy."""
        return self.path / CHECKPOINTS / "best.safetensors"

    def with_places(self, data_dir: str | None = None, path: str | None = None) -> "Run":
        """Return the same run with its data in other folders.

        Args:
            data_dir: The folder of the data sets; None: as in its config.
            path: The folder of pictures of a run with `image_folder`; None: as in its config.

        Raises:
            ConfigError: `path` is given for another data set.
        """
        dataset = replace(self.config.dataset, path=path or self.config.dataset.path)
        return replace(self, config=replace(self.config, data_dir=data_dir or self.config.data_dir, dataset=dataset))

    def model(self, trust: bool = False, model: "nn.Module | None" = None) -> "nn.Module":
        """The network with its best weights, on the CPU, in eval mode.

        Args:
            trust: Build the network although its class is not convboard's own. That runs code that the directory names.
            model: A network of the same architecture. It is moved to the CPU, gets the best weights, and is returned;
                none is built. A run that was given a network as an object needs one.

        Raises:
            RunError: The class is not convboard's own and `trust` is not given; or the run was given a network, or has
                not finished an epoch.
            ModelError: The network in `model` does not fit the images.
            CheckpointError: There are no weights, or they are damaged or of another network or run.
        """
        from convboard.anatomy.arguments import check_network
        from convboard.experiment.setup import build_model, prepare_given  # imports torch, which takes seconds
        from convboard.training.checkpoint import load_weights
        from convboard.training.saved_state import load_best

        if not self.result and not self.best_checkpoint.exists():
            raise RunError(
                f"{self.path} has no weights to show yet, because it has not finished an epoch. Resume it with "
                f"{assignment('resume', self.path)}, or wait if it is being trained."
            )
        channels, height, width = self.dataset["image_shape"]
        shape, classes = (channels, height, width), len(self.dataset["class_names"])
        if model is None:
            refuse_given(self.path, self.config, f"convboard.load_run({python_text(self.path)}).model(model=network)")
            refuse_foreign(self.path, self.config, ("model",), trust=trust)
            model = build_model(self.config.model, shape, classes)
        else:
            check_network(model)
            model = prepare_given(model.cpu(), shape, classes)
        best = load_best(self.best_checkpoint, _result(self.path), model)  # of now: it may have been resumed
        load_weights(model, best, self.best_checkpoint)
        return model.eval()

    def inference_model(self, trust: bool = False, model: "nn.Module | None" = None) -> "InferenceModel":
        """The network with its best weights and the format of its input.

        Args:
            trust: See `model`.
            model: See `model`.

        Raises:
            ConvboardError: See `model`.
        """
        from convboard.data.sources.value_range import FULL
        from convboard.feature_maps.inference_model import InferenceModel  # imports torch, which takes seconds

        facts = self.dataset
        channels, height, width = facts["image_shape"]
        is_folder = self.config.dataset.name == "image_folder"
        return InferenceModel(
            f"{self.config.model_class}, trained on {self.config.dataset.name}",
            f"run {self.path}, weights of the best epoch",
            self.model(trust, model),
            (channels, height, width),
            tuple(facts["mean"]),
            tuple(facts["std"]),
            self.config.dataset.fit if is_folder else "crop",
            tuple(facts["class_names"]),
            # Runs of earlier versions scaled the values of their pictures so.
            {kind: (low, high) for kind, (low, high) in facts.get("value_ranges", FULL).items()} if is_folder else None,
        )

    def predict(
        self, images: str | Path, trust: bool = False, invert: bool = False, model: "nn.Module | None" = None
    ) -> "list[Prediction]":
        """Predict the class of an image, or of each image in a folder and the folders below it.

        Args:
            images: The file or folder.
            trust: See `model`.
            invert: Invert the brightness, for dark ink on white paper and a network trained on white digits on black.
            model: See `model`.

        Returns:
            A prediction for each file, in the order of their paths.

        Raises:
            DataError: A file cannot be read, or the folder holds no image.
            ConvboardError: See `model`.
        """
        from convboard.data.sources.image_folder import image_files  # imports torch

        try:
            files = image_files(Path(images)) if Path(images).is_dir() else [Path(images)]
        except OSError as error:
            raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from error
        if not files:
            raise DataError(f"{images} holds no image. Image files end in .jpg, .png, .webp, .tif and others.")
        network = self.inference_model(trust, model)
        try:
            return [network.predict_file(file, invert) for file in files]
        except DataError as error:
            if error.arguments != ("image",):
                raise
            raise error.with_message(str(error).removeprefix("image=")) from error


def load_run(path: str | Path, config: TrainConfig | None = None) -> Run:
    """Read a run directory.

    Args:
        path: The directory.
        config: Its config if it has been read already, as it is to be resumed.

    Raises:
        RunError: The directory is not there, holds no run, or one of its files is not what a run writes.
        ConfigError: Its config does not fit this version.
    """
    if not isinstance(path, (str, PathLike)):
        raise RunError(f"load_run takes the path of a run directory, not a value of type {type(path).__name__}.")
    path = Path(path)
    config = config or load_run_config(path)
    dataset = read_dataset(path / DATASET)
    plan = path / PLAN
    return Run(path, config, dataset, _result(path), read_plan(plan) if plan.is_file() else {})


def _result(path: Path) -> dict[str, Any]:
    """The contents of the `result.json` of a run; empty where it is missing."""
    return read_result(path / RESULT) if (path / RESULT).is_file() else {}


def stored_checkpoints(path: Path) -> list[Path]:
    """Return the checkpoints in a run directory, also those with other names than a run gives them.

    Raises:
        RunError: Their folder cannot be read, of which `glob` would say that it is empty.
    """
    try:
        with suppress(FileNotFoundError):
            return sorted(file for file in (path / CHECKPOINTS).iterdir() if file.suffix == ".safetensors")
    except OSError as error:
        raise RunError(f"{error.filename} cannot be read: {error.strerror}. See that it may be read.") from error
    return []


def load_run_config(path: Path) -> TrainConfig:
    """Read only the config of a run directory.

    Raises:
        RunError: The directory is not there, or holds no run.
        ConfigError: The config does not fit this version.
    """
    try:
        if not (path / CONFIG).is_file():
            raise no_run(path, CONFIG)
    except OSError as error:  # a name that is too long, or a folder that may not be read
        raise RunError(f"{path} cannot be read: {error.strerror}.") from error
    return load_config(path / CONFIG)


def refuse_foreign(
    path: Path,
    config: TrainConfig,
    groups: Sequence[str] = OPEN_GROUPS,
    trusted: Collection[str] = (),
    trust: bool = False,
    advice: str = ": trust=True.",
) -> None:
    """Refuse code that only a run directory names, unless the user trusts it; see `trusted_runs`.

    Args:
        path: The run directory.
        config: Its config.
        groups: The groups of the config that are to be built.
        trusted: Targets that the user has named himself.
        trust: Whether the user trusts all of them.
        advice: How the user says that he trusts it. `{group}` and `{name}` are filled in.

    Raises:
        RunError: A target is neither convboard's own nor trusted.
    """
    unusual = [group for group in groups if not are_usual(group, getattr(config, group))]
    known = remembered(path) if unusual else ()
    named = [(group, name) for group in unusual for name in foreign_targets(group, getattr(config, group), known)]
    new = {name for _, name in named}
    for group, name in named:
        if name not in trusted and not trust:
            raise RunError(
                f"{path} was trained with {name}, which is not convboard's own: building it runs that code. If you "
                f"trust it, say so{advice.format(group=group, name=name)}"
            )
    if new:
        remember(path, new)


def refuse_given(path: Path, config: TrainConfig, call: str) -> None:
    """Refuse to build a network that was an object given from Python.

    Args:
        path: The run directory.
        config: Its config.
        call: The Python call that goes on with a network of the same architecture.

    Raises:
        RunError: The network was given.
    """
    if GIVEN in config.model:
        raise RunError(
            f"{path} was trained with a network that was given from Python ({config.model['_target_']}), so it cannot "
            f"be built from its config. Go on from Python, and give the network again: {call}"
        )


def python_text(path: Path) -> str:
    """A path as a Python string, for messages."""
    return json.dumps(str(path), ensure_ascii=False)

"""The schema of a config: every key that convboard owns, its type, and the check of its value.

A value is checked only here, and in `groups`, which has the closed groups; the code below asserts. `model`, `optimizer`
and `scheduler` are open: their schema is the signature of the constructor that `_target_` names, and `instantiate`
checks them. This module does not import torch, so that a mistake is reported at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.config.error_messages import explain_omegaconf
from convboard.config.groups import BoardConfig, DatasetConfig, LossConfig, TrainerConfig
from convboard.config.known_keys import MORE
from convboard.config.objectives import OBJECTIVES
from convboard.config.value_checks import between, check_numbers, check_rate, check_side, one_of
from convboard.errors import ConfigError

GROUPS = ("model", "dataset", "optimizer", "scheduler", "loss", "trainer", "board")
OPEN_GROUPS = ("model", "optimizer", "scheduler")
RATES = ("lr", "weight_decay", "momentum")


@dataclass
class TrainConfig:
    """A whole run. Equal configs give equal runs, on one machine, with the same plan and the same versions.

    `model`, `optimizer` and `scheduler` take any key; their `metadata` lists the most common ones.

    Attributes:
        model: `_target_` and its arguments. Arguments that follow from the data may be left out.
        dataset: The images.
        optimizer: `_target_`, such as an optimizer of torch.optim, and its arguments.
        scheduler: `_target_`, such as a schedule of `convboard.training.schedules`, and its arguments.
        loss: The loss.
        trainer: Length, device and computation of the training.
        board: Amount of output in TensorBoard.
        seed: Determines the initial weights, the order of the samples and every augmentation.
        batch_size: Images per batch.
        data_dir: Folder of the data sets. A missing data set is downloaded into it.
        objective: Metric by which a sweep compares runs: accuracy/val, loss/val, accuracy/test or loss/test.
        resume: Directory of a run to resume, with its own config.
    """

    model: dict[str, Any] = field(default_factory=dict, metadata={"keys": ("_target_", "image_size")})
    dataset: DatasetConfig = MISSING
    optimizer: dict[str, Any] = field(default_factory=dict, metadata={"keys": ("_target_", *RATES)})
    scheduler: dict[str, Any] = field(default_factory=dict, metadata={"keys": ("_target_", "warmup_epochs")})
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    board: BoardConfig = field(default_factory=BoardConfig)
    seed: int = 0
    batch_size: int = 64
    data_dir: str = "data"
    objective: str = "accuracy/val"
    resume: str | None = None

    def __post_init__(self) -> None:
        between("batch_size", self.batch_size, 1)
        between("seed", self.seed, 0, 2**64 - 1)
        one_of("objective", self.objective, OBJECTIVES)
        if self.resume == "":
            raise ConfigError("resume is empty: give a run directory, such as resume=outputs/digits/lenet/RUN.")
        for group in OPEN_GROUPS:
            node = getattr(self, group)
            if not isinstance(node, dict):
                raise ConfigError(f"{group}={node!r}: must be key: value pairs.")
            target = node.get("_target_")
            if not target:
                raise ConfigError(f"{group}._target_ is not set: choose one of conf/{group}, as in {group}=<name>.")
            if not isinstance(target, str):
                raise ConfigError(f"{group}._target_={target}: must name a class, as in {group}._target_=module.Class.")
            check_numbers(group, getattr(self, group))
        check_side("model.image_size", self.model.get("image_size"))
        for name in RATES:
            value = self.optimizer.get(name)
            if value is not None:
                check_rate(f"optimizer.{name}", value)

    @property
    def model_class(self) -> str:
        """Name of the network's class, without its module."""
        return class_name(self.model["_target_"])

    def to_dict(self) -> dict[str, Any]:
        """Return the config as nested dictionaries, as in the `config.yaml` of a run."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "TrainConfig":
        """Check `plain` against the schema. No value is interpolated.

        Raises:
            ConfigError: A key is unknown, of a wrong type, or out of range.
        """
        return _checked(plain, more=())

    @classmethod
    def from_checked(cls, plain: Mapping[str, Any]) -> "TrainConfig":
        """Return the config of which `to_dict` has made `plain`, without the 10 ms that checking all types takes."""
        parts = {"dataset": DatasetConfig, "loss": LossConfig, "trainer": TrainerConfig, "board": BoardConfig}
        return cls(**{**plain, **{name: part(**plain[name]) for name, part in parts.items()}})


def class_name(target: str) -> str:
    """Return the name of a class without its module: `SGD` for `torch.optim.SGD`."""
    return str(target).rpartition(".")[2]


def to_config(composed: DictConfig) -> TrainConfig:
    """Turn a composed config into a plain, checked `TrainConfig`.

    Args:
        composed: The config.

    Raises:
        ConfigError: A key is unknown, of a wrong type, or out of range.
    """
    try:
        # As plain values: a merge would accept keys that `+key=value` has added to a config of this schema.
        given = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, TrainConfig, MORE) from error
    assert isinstance(given, dict)
    return _checked({str(key): value for key, value in given.items()}, MORE)


def _checked(plain: Mapping[str, Any], more: Sequence[str]) -> TrainConfig:
    try:
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TrainConfig), literal(dict(plain))))
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, TrainConfig, more) from error
    assert isinstance(config, TrainConfig)
    return config


def literal(value: Any) -> Any:
    """Return a plain value in which OmegaConf interpolates nothing: `${name}` stays a text."""
    match value:
        case str():
            return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
        case dict():
            return {literal(key): literal(item) for key, item in value.items()}
        case list() | tuple():
            return [literal(item) for item in value]
    return value

"""The `config.yaml` of a run, written and read back.

It may come from elsewhere: only plain values of a limited size are read, and no resolver runs.
"""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from convboard.config.known_keys import renamed_keys
from convboard.config.schema import TrainConfig
from convboard.config.yaml_limits import LOADER, read_yaml_text
from convboard.errors import ConfigError

_FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes a text in quotes wherever `HydraLoader` would read something else."""


class HydraLoader(LOADER):  # type: ignore[misc]
    """Reads as Hydra does: 1e-3 is a number, a date is a text, and no key is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; see `yaml.constructor.SafeConstructor`."""
        keys = [str(key.value) for key, _ in node.value]  # before `<<` is replaced by what it names
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "found a duplicate key", node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


for _kind in (_Dumper, HydraLoader):
    _kind.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (f"{_TAG}timestamp", f"{_TAG}float")]
        for first, resolvers in _kind.yaml_implicit_resolvers.items()
    }
    _kind.add_implicit_resolver(f"{_TAG}float", re.compile(rf"^(?:{_FLOAT.pattern})$"), list("-+0123456789."))


def with_absolute_paths(config: TrainConfig, start: Path = Path()) -> TrainConfig:
    """Return the config with paths of its data that do not depend on the current folder; links stay as they are.

    Args:
        config: The config.
        start: Where relative paths start; the current folder if it is not given.
    """

    def absolute(path: str) -> str:
        return os.path.abspath(start / Path(path).expanduser())  # noqa: PTH100  (Path.resolve would follow links)

    path = config.dataset.path
    dataset = replace(config.dataset, path=absolute(path)) if path else config.dataset
    return replace(config, data_dir=absolute(config.data_dir), dataset=dataset)


def dump_config(config: TrainConfig) -> str:
    """Return a config as YAML, for `load_config`."""
    return str(yaml.dump(config.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def load_config(path: Path) -> TrainConfig:
    """Read a run's `config.yaml`.

    Raises:
        ConfigError: The file is not valid YAML, or not a config of this version.
    """
    plain = read_config(path)
    try:
        return TrainConfig.from_dict(plain)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_config(path: Path) -> dict[str, Any]:
    """Read a run's `config.yaml` of any version, with the names that keys have now. Its values are not checked.

    Raises:
        ConfigError: The file is not valid YAML.
    """
    try:
        plain = yaml.load(read_yaml_text(path, has_aliases=False), Loader=HydraLoader)  # a safe loader
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(plain, dict):
        raise ConfigError(f"{path} does not contain a config: it must be key: value pairs.")
    for old, new in renamed_keys(TrainConfig).items():
        group, _, key = old.rpartition(".")
        if isinstance(plain.get(group), dict) and key in plain[group]:
            plain[group][new.rpartition(".")[2]] = plain[group].pop(key)
    return plain

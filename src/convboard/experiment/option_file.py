"""Files of options, read to look something up in them: one that cannot be read holds nothing."""

from collections.abc import Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig

from convboard.config.conf_folders import conf_folders
from convboard.config.stored_config import HydraLoader
from convboard.config.yaml_limits import read_yaml_text


def options(group: str, name: str | None = None) -> dict[str, tuple[Path, dict[str, Any], yaml.MappingNode]]:
    """Return file, content and YAML nodes of the options of a group, by name; without those that cannot be read.

    Args:
        group: Such as `model`.
        name: Of the only option to read; None: all.
    """
    files: dict[str, Path] = {}
    for folder in conf_folders():
        for file in sorted((folder / group).glob(f"{escape(name)}.yaml" if name else "*.yaml")):
            files.setdefault(file.stem, file)
    found = {}
    for option, file in files.items():
        with suppress(OSError, ValueError, yaml.YAMLError):
            loader = HydraLoader(read_yaml_text(file))
            node = loader.get_single_node()
            content = loader.construct_document(node)  # puts what `<<` names into the node
            if isinstance(content, dict):
                found[option] = file, content, node
    return found


def place_of_layer(layers: Sequence[object], position: int) -> str | None:
    """Return file and line of a layer, such as `conf/model/small.yaml, line 5`.

    It is looked for in the chosen option, and without a command line in all. None: no option has these layers, or
    several have.

    Args:
        layers: The list of layers in a config.
        position: Index of the layer.
    """
    chosen = HydraConfig.get().runtime.choices.get("model") if HydraConfig.initialized() else None
    found = [
        (file, node)
        for file, content, node in options("model", chosen).values()
        if _gives(content.get("layers"), layers)
    ]
    if len(found) != 1:
        return None
    (file, node) = found[0]
    items = {key.value: value for key, value in node.value}["layers"].value
    return f"{_shown(file)}, line {items[position].start_mark.line + 1}"


def _gives(written: object, value: object) -> bool:
    """Return whether a value in a file gives this one in a config, where a `${...}` is replaced."""
    match written, value:
        case str(), _ if "${" in written:
            return True
        case list(), list():
            return len(written) == len(value) and all(map(_gives, written, value))
        case dict(), dict():
            return written.keys() == value.keys() and all(_gives(item, value[key]) for key, item in written.items())
    return written == value


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)

"""The place of a layer in the YAML file of a network."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import yaml

from convboard.config.compose import conf_folders
from convboard.config.yaml_limits import read_yaml_text


def place_of_layer(layers: Sequence[object], position: int) -> str | None:
    """Return file and line of a layer, such as `conf/model/small.yaml, line 5`; None if no option has these layers.

    Args:
        layers: The list of layers in a config.
        position: Index of the layer.
    """
    for folder in conf_folders():
        for file in sorted((folder / "model").glob("*.yaml")):
            with suppress(OSError, ValueError, yaml.YAMLError):  # another option, which is not asked for
                text = read_yaml_text(file)
                content = yaml.safe_load(text)
                if isinstance(content, dict) and content.get("layers") == layers:
                    return f"{_shown(file)}, line {_line(text, position)}"
    return None


def _line(text: str, position: int) -> int:
    nodes = {key.value: value for key, value in yaml.compose(text).value}
    return int(nodes["layers"].value[position].start_mark.line) + 1


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)

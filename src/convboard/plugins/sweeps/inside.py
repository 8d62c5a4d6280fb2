"""What the tab shows of the inside of a run: its layers, and where its pictures are."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.errors import NotFoundError

from convboard.board import tags
from convboard.config.command_line import command
from convboard.plugins.run_pictures import RunPictures

_CALL = ":"  # before the number of a call, in the name of a layer that is called more than once


def with_pictures(pictures: RunPictures, runs: Sequence[str]) -> list[str]:
    """Return those of some runs that have pictures."""
    return pictures.with_tag(runs, tags.INPUT_PROBE)


def inside_of(pictures: RunPictures, run: str) -> dict[str, Any]:
    """Return the `layers` of a run in the order of their calls, its `steps_per_epoch`, and its `pictures` by tag.

    A layer has a `name`, and the tags of its feature maps (`maps`) and of its weights (`weights`), each None if it has
    no such pictures. A run without a record of its network, or with none so far, has no layers.
    """
    found = pictures.pictures(run, lambda tag: tags.has_embedded_arrays(tag) or tag == tags.CONFUSION_MATRIX)
    try:
        network = pictures.network(run)
    except NotFoundError:
        network = {}
    layers = [_layer(str(row["name"]), found) for row in network.get("rows", ())]
    return {
        "layers": [layer for layer in layers if layer["maps"] or layer["weights"]],
        "steps_per_epoch": network.get("steps_per_epoch"),
        "pictures": found,
    }


def _layer(name: str, found: Mapping[str, Any]) -> dict[str, str | None]:
    module = name.partition(_CALL)[0]  # whose calls share the weights
    weights = [tag for tag in (tags.kernels(module), tags.weight_matrix(module)) if tag in found]
    maps = tags.feature_maps(name)
    return {"name": name, "maps": maps if maps in found else None, "weights": weights[0] if weights else None}


def pictures_command(paths: Iterable[Path], *arguments: str) -> str:
    """Return the command that draws the pictures of a run, or of the best ones in some folders."""
    return command("runs", "pictures", *(shlex.quote(str(path)) for path in paths), *arguments)

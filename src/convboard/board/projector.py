"""The Projector tab: validation images as points, by the features of the last hidden layer.

The plugin reads files beside the event file, not events: a table of vectors, one of labels, a sprite of thumbnails, and
a config that names them.
"""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy.activations import layer_activations
from convboard.board import tags
from convboard.board.figures.png import encode_png
from convboard.data.dataset import ImageDataset
from convboard.data.normalisation import Normalisation
from convboard.files import atomic_write_bytes, atomic_write_text

_MOST = 1000  # images
_CHUNK = 100  # images that go through the network at a time
_THUMBNAIL = 64  # pixels a side at most, so that the sprite stays below a browser's limit
_FOLDER = "projector"


class NotApplicable(Exception):  # noqa: N818  # nothing went wrong
    """The network has nothing to show in a part of the board. The message gives the reason."""


def write_projector(run_dir: Path, dataset: ImageDataset, model: nn.Module, device: torch.device) -> None:
    """Write the embedding of up to 1,000 validation images, evenly spaced in the split, over the previous one.

    Raises:
        NotApplicable: No linear layer runs in the network, so there is no last hidden layer.
    """
    count = len(dataset.val)
    chosen = torch.linspace(0, count - 1, min(_MOST, count)).round().long()
    images = dataset.val.images[chosen]
    normalise = Normalisation(dataset.mean, dataset.std, device)
    batches = normalise(images.to(device)).split(_CHUNK)  # type: ignore[no-untyped-call]
    features, logits = zip(*(hidden_features(model, batch) for batch in batches), strict=True)
    predicted = torch.cat(logits).argmax(dim=1)
    tiles = images[:, :, :: _step(images), :: _step(images)].numpy()
    folder = run_dir / _FOLDER
    folder.mkdir(exist_ok=True)
    atomic_write_text(folder / "vectors.tsv", _tsv(torch.cat(features)))
    atomic_write_text(folder / "labels.tsv", _labels(dataset.class_names, dataset.val.labels[chosen], predicted))
    atomic_write_bytes(folder / "images.png", encode_png(_sprite(tiles)))
    atomic_write_text(run_dir / "projector_config.pbtxt", _config(width=tiles.shape[3], height=tiles.shape[2]))


@torch.no_grad()
def hidden_features(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Input of the network's last linear layer, and the network's output.

    Args:
        model: The network; it is not changed.
        images: Normalised images, `[N, C, H, W]`.

    Returns:
        `[N, features]` and `[N, classes]`, both on the CPU.

    Raises:
        NotApplicable: No linear layer runs in the network.
    """
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    inputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs.pop(module, None)
        inputs[module] = arguments[0].detach().flatten(1).float().cpu()

    outputs: list[Tensor] = []
    handles = [linear.register_forward_pre_hook(keep) for linear in linears]
    handles.append(model.register_forward_hook(lambda _module, _arguments, output: outputs.append(output.cpu())))
    try:
        layer_activations(model, images)
    finally:
        for handle in handles:
            handle.remove()
    if not inputs:
        raise NotApplicable("no linear layer runs in this network, so there is no last hidden layer to embed")
    return list(inputs.values())[-1], outputs[-1]


def _step(images: Tensor) -> int:
    return -(-max(images.shape[2:]) // _THUMBNAIL)


def _sprite(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images `[N, C, h, w]` as one, row by row, in as many columns as rows: `[H, W]` grey or `[H, W, 3]`."""
    count, channels, height, width = tiles.shape
    columns = math.isqrt(count - 1) + 1
    padded = np.zeros((columns * columns, channels, height, width), np.uint8)
    padded[:count] = tiles
    grid = padded.reshape(columns, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sprite = grid.reshape(columns * height, columns * width, channels)
    return sprite if channels == 3 else np.ascontiguousarray(sprite[:, :, 0])


def _labels(class_names: tuple[str, ...], true: Tensor, predicted: Tensor) -> str:
    """One line per image, after a line of column names. The points can be coloured by each column."""
    names = [" ".join(name.split()) for name in class_names]
    lines = ["true\tpredicted\tright/wrong"]
    for label, found in zip(true.tolist(), predicted.tolist(), strict=True):
        lines.append(f"{names[label]}\t{names[found]}\t{'right' if label == found else 'wrong'}")
    return "".join(f"{line}\n" for line in lines)


def _tsv(vectors: Tensor) -> str:
    return "".join("\t".join(f"{value:.5g}" for value in row) + "\n" for row in vectors.tolist())


def _config(width: int, height: int) -> str:
    return (
        "embeddings {\n"
        f'  tensor_name: "{tags.EMBEDDING}"\n'
        f'  tensor_path: "{_FOLDER}/vectors.tsv"\n'
        f'  metadata_path: "{_FOLDER}/labels.tsv"\n'
        "  sprite {\n"
        f'    image_path: "{_FOLDER}/images.png"\n'
        f"    single_image_dim: {width}\n"
        f"    single_image_dim: {height}\n"
        "  }\n"
        "}\n"
    )

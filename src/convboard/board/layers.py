"""What a network's layers look like after an epoch: kernels, feature maps, and how weights and activations lie."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy import LayerActivation, layer_activations
from convboard.board import tags
from convboard.board.histograms import histogram_values
from convboard.board.pictures.feature_maps import draw_feature_maps
from convboard.board.pictures.kernels import draw_kernels
from convboard.board.pictures.png import Picture
from convboard.board.pictures.probe import draw_probe
from convboard.board.probe import Probe
from convboard.board.summaries import Value, image, scalar

_ZEROING = frozenset({"relu", "relu6"})  # activations under which a unit can die
# Bytes of activations held at once. A CPU is three times as quick on what stays in its cache; a GPU wants much work.
_CHUNK_BYTES = {"cpu": 4 << 20}
_CHUNK_BYTES_ELSEWHERE = 256 << 20
_COUNTED = 1 << 17  # values of a layer that its histogram is content with


class LayerViews:
    """Looks at a network through fixed images; every method gives the values to write and changes nothing.

    Args:
        model: The network.
        probe: The images.
        max_channels: Channels of each layer whose feature maps are drawn.
    """

    def __init__(self, model: nn.Module, probe: Probe, max_channels: int) -> None:
        self._model = model
        self._probe = probe
        self._max_channels = max_channels

    def probe_images(self) -> list[Value]:
        """The probe images themselves."""
        title = "Probe: the first validation image of each class"
        return [image(tags.INPUT_PROBE, draw_probe(self._probe.pictures, title))]

    def kernels(self, caption: str) -> list[Value]:
        """A picture of each conv layer's kernels."""
        convs = {
            name or type(module).__name__: module  # a network that is one bare layer has the empty path
            for name, module in self._model.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        return [
            image(tags.kernels(name), draw_kernels(name, _numpy(conv.weight), caption)) for name, conv in convs.items()
        ]

    def feature_maps(self, caption: str) -> list[Value]:
        """A picture of what each conv layer makes of the probe images."""
        layers = layer_activations(self._model, self._probe.images).values()
        return [
            image(tags.feature_maps(layer.name), self._draw_maps(layer, caption))
            for layer in layers
            if isinstance(layer.module, nn.Conv2d)
        ]

    def weights(self) -> list[Value]:
        """A histogram of every parameter."""
        return histogram_values({tags.weights(name): weight for name, weight in self._model.named_parameters()})

    def activations(self) -> list[Value]:
        """A histogram of every layer's outputs over the sample, and the share of its units that are dead.

        A unit is a channel of a conv layer or a neuron of a linear one; it is dead if it is zero after its ReLU for
        every image of the sample, at every place. Histograms count as many images as give 131,072 values.
        """
        counted: dict[str, Tensor] = {}
        totals: dict[str, Tensor] = {}
        for layers in self._activation_chunks():
            for name, layer in layers.items():
                values = layer.output if layer.activated is None else layer.activated
                counted.setdefault(tags.activations(name), _some_images(values))
                if layer.activation in _ZEROING:
                    # Nothing is below zero, so a sum of zero means that all is; a maximum takes ten times as long.
                    total = values.sum(dim=[0, *range(2, values.ndim)])
                    totals[name] = totals[name] + total if name in totals else total
        shares = torch.stack([(total == 0).float().mean() for total in totals.values()]).tolist() if totals else []
        dead = [scalar(tags.dead_fraction(name), share) for name, share in zip(totals, shares, strict=True)]
        return histogram_values(counted) + dead

    def _activation_chunks(self) -> Iterator[Mapping[str, LayerActivation]]:
        """The sample's activations, of as many images at a time as fit in memory."""
        first = layer_activations(self._model, self._probe.sample[:2])
        per_image = sum(2 * layer.output[0].nbytes for layer in first.values())
        sample = self._probe.sample
        size = max(8, _CHUNK_BYTES.get(sample.device.type, _CHUNK_BYTES_ELSEWHERE) // max(1, per_image))
        for start in range(0, len(sample), size):
            yield layer_activations(self._model, sample[start : start + size])

    def _draw_maps(self, layer: LayerActivation, caption: str) -> Picture:
        channels, height, width = layer.output.shape[1:]
        shown = min(channels, self._max_channels)
        title = f"{layer.name}: {channels} feature maps {height}×{width}"
        if shown < channels:
            title += f" (the first {shown} shown)"
        before = _numpy(layer.output[:, :shown])
        after = None if layer.activated is None else _numpy(layer.activated[:, :shown])
        return draw_feature_maps(title, self._probe.pictures, before, after, layer.activation or "", caption)


def _some_images(values: Tensor) -> Tensor:
    """The activations of whole images, as many as give `_COUNTED` values; a stride would favour some channels."""
    return values[: -(-_COUNTED // values[0].numel())]


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array

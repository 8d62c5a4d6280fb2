"""Figures and histograms of a network's layers: kernels, feature maps, weights and activations."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation, layer_activations
from convboard.anatomy.module_paths import named_modules, named_parameters
from convboard.board import tags
from convboard.board.figure_data import feature_map_arrays, probe_arrays, to_numpy, weight_arrays
from convboard.board.figures.dataset_images import draw_probe_images
from convboard.board.figures.embedded_arrays import embed_arrays
from convboard.board.figures.feature_maps import draw_feature_maps, map_limit
from convboard.board.figures.kernels import draw_kernels, largest_weight
from convboard.board.figures.png import Figure
from convboard.board.figures.weight_matrix import draw_weight_matrix
from convboard.board.histograms import histogram_values
from convboard.board.layer_stats import LayerStats, LayerStatsAccumulator, final_output
from convboard.board.probe import Probe
from convboard.board.summaries import Value, image, scalar

# Bytes of activations held at once. A CPU is three times as fast on what stays in its cache; a GPU needs large batches.
_CHUNK_BYTES_CPU = 4 << 20
_CHUNK_BYTES_GPU = 256 << 20
_COUNTED = 1 << 17  # values of a layer that its histogram counts
_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


class LayerFigures:
    """Figures of a network's layers for fixed images.

    Every method returns `Summary.Value` messages and leaves the network unchanged.

    Args:
        model: The network.
        probe: The images.
        max_channels: Channels of each layer whose feature maps are drawn.
        chunk_bytes: Bytes of activations held at once; None: 4 MB on a CPU, 256 MB elsewhere.
    """

    def __init__(self, model: nn.Module, probe: Probe, max_channels: int, chunk_bytes: int | None = None) -> None:
        self._model = model
        self._probe = probe
        self._max_channels = max_channels
        self._chunk_bytes = chunk_bytes or (_CHUNK_BYTES_CPU if probe.sample.device.type == "cpu" else _CHUNK_BYTES_GPU)
        self._stats: Mapping[str, LayerStats] = {}

    def probe_images(self, epoch: int) -> list[Value]:
        """The figure of the probe images, with the network's output for them embedded."""
        figure = draw_probe_images(self._probe.raw_images, "Probe: the first validation image of each class")
        outputs: list[object] = []
        handle = self._model.register_forward_hook(lambda _model, _images, output: outputs.append(output))
        try:
            layers = layer_activations(self._model, self._probe.images)
        finally:
            handle.remove()
        embedded = probe_arrays(self._probe, outputs[-1], layers, epoch)
        return [image(tags.INPUT_PROBE, embed_arrays(figure, *embedded))]

    def kernels(self, epoch: int) -> list[Value]:
        """A figure of each conv layer's kernels."""
        convs = self._modules(nn.Conv2d)
        return [image(tags.kernels(name), _draw_weights(name, conv, epoch)) for name, conv in convs]

    def weight_matrices(self, epoch: int) -> list[Value]:
        """A figure of each linear layer's weights."""
        linears = self._modules(nn.Linear)
        return [image(tags.weight_matrix(name), _draw_weights(name, linear, epoch)) for name, linear in linears]

    def _modules(self, kind: type[_Layer]) -> Iterator[tuple[str, _Layer]]:
        """The layers of a kind with their names; a network that is one bare layer has the empty path."""
        for name, module in named_modules(self._model):
            if isinstance(module, kind):
                yield name or type(module).__name__, module

    def feature_maps(self, epoch: int) -> list[Value]:
        """A figure of each conv layer's feature maps of the probe images. `activations` finds the dead channels."""
        layers = layer_activations(self._model, self._probe.images, keep_inputs=True).values()
        convs = [layer for layer in layers if isinstance(layer.module, nn.Conv2d)]
        return [image(tags.feature_maps(layer.name), self._draw_maps(layer, epoch)) for layer in convs]

    def weights(self) -> list[Value]:
        """A histogram of every parameter."""
        return histogram_values({tags.weights(name): weight for name, weight in named_parameters(self._model)})

    def activations(self) -> list[Value]:
        """Histogram, mean, deviation and share of dead units of every layer's output over the sample.

        Histograms count as many images as give 131,072 values; the rest is over the whole sample.
        """
        self._stats = {}
        counted: dict[str, Tensor] = {}
        accumulator = LayerStatsAccumulator()
        for layers in self._activation_chunks():
            for name, layer in layers.items():
                counted.setdefault(tags.activations(name), _some_images(final_output(layer)))
                accumulator.add(layer)
        self._stats = accumulator.read()
        values = histogram_values(counted)
        for name, stats in self._stats.items():
            values += [scalar(tags.activation_mean(name), stats.mean), scalar(tags.activation_std(name), stats.std)]
            if stats.dead is not None:
                values.append(scalar(tags.dead_fraction(name), len(stats.dead) / stats.units))
        return values

    def _activation_chunks(self) -> Iterator[Mapping[str, LayerActivation]]:
        """The sample's activations, for as many images at a time as fit in memory."""
        first = layer_activations(self._model, self._probe.sample[:2])
        per_image = sum(2 * layer.output[0].nbytes for layer in first.values())
        sample = self._probe.sample
        size = max(8, self._chunk_bytes // max(1, per_image))
        for start in range(0, len(sample), size):
            yield layer_activations(self._model, sample[start : start + size])

    def _draw_maps(self, layer: LayerActivation, epoch: int) -> Figure:
        channels, height, width = layer.output.shape[1:]
        shown = min(channels, self._max_channels)
        title = f"{layer.name}: {channels} feature maps {height}×{width}"
        if shown < channels:
            title += f" (the first {shown} shown)"
        before = to_numpy(layer.output[:, :shown])
        after = None if layer.activated is None else to_numpy(layer.activated[:, :shown])
        activation = layer.activation or ""
        limit = map_limit(before, after)
        figure = draw_feature_maps(title, self._probe.raw_images, before, after, limit, activation, _caption(epoch))
        stats = self._stats.get(layer.name)
        dead = stats.dead if stats else None
        return embed_arrays(figure, *feature_map_arrays(layer, self._probe.images, shown, limit, dead, epoch))


def _draw_weights(name: str, module: nn.Conv2d | nn.Linear, epoch: int) -> Figure:
    weight = to_numpy(module.weight)
    limit = largest_weight(weight)
    draw = draw_weight_matrix if isinstance(module, nn.Linear) else draw_kernels
    embedded = weight_arrays(name, module, limit, epoch)
    return embed_arrays(draw(name, weight, limit, _caption(epoch)), *embedded, is_noise=True)


def _caption(epoch: int) -> str:
    return f"epoch {epoch}" if epoch else "untrained"


def _some_images(values: Tensor) -> Tensor:
    """The activations of whole images, as many as give `_COUNTED` values; a stride would favour some channels."""
    return values[: -(-_COUNTED // values[0].numel())]

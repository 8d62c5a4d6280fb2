"""What a network's layers look like after an epoch: kernels, feature maps, and how weights and activations lie."""

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation, layer_activations
from convboard.board import tags
from convboard.board.figure_data import kernel_numbers, map_numbers, probe_numbers, to_numpy
from convboard.board.figures.embedded_arrays import with_numbers
from convboard.board.figures.feature_maps import draw_feature_maps
from convboard.board.figures.kernels import draw_kernels
from convboard.board.figures.png import Picture
from convboard.board.figures.probe_figure import draw_probe
from convboard.board.histograms import histogram_values
from convboard.board.layer_stats import Health, LayerStatsPass, leaving
from convboard.board.probe import Probe
from convboard.board.summaries import Value, image, scalar

# Bytes of activations held at once. A CPU is three times as quick on what stays in its cache; a GPU wants much work.
_CHUNK_BYTES = {"cpu": 4 << 20}
_CHUNK_BYTES_ELSEWHERE = 256 << 20
_COUNTED = 1 << 17  # values of a layer that its histogram is content with


class LayerViews:
    """Looks at a network through fixed images; every method gives the values to write and changes nothing of it.

    Args:
        model: The network.
        probe: The images.
        max_channels: Channels of each layer whose feature maps are drawn.
    """

    def __init__(self, model: nn.Module, probe: Probe, max_channels: int) -> None:
        self._model = model
        self._probe = probe
        self._max_channels = max_channels
        self._health: Mapping[str, Health] = {}

    def probe_images(self, epoch: int) -> list[Value]:
        """The probe images themselves, and what the network says of them."""
        picture = draw_probe(self._probe.pictures, "Probe: the first validation image of each class")
        outputs: list[object] = []
        handle = self._model.register_forward_hook(lambda _model, _images, output: outputs.append(output))
        try:
            layers = layer_activations(self._model, self._probe.images)
        finally:
            handle.remove()
        numbers = probe_numbers(self._probe, outputs[-1], layers, epoch)
        return [image(tags.INPUT_PROBE, with_numbers(picture, *numbers))]

    def kernels(self, epoch: int) -> list[Value]:
        """A picture of each conv layer's kernels."""
        convs = {
            name or type(module).__name__: module  # a network that is one bare layer has the empty path
            for name, module in self._model.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        return [image(tags.kernels(name), _draw_kernels(name, conv, epoch)) for name, conv in convs.items()]

    def feature_maps(self, epoch: int) -> list[Value]:
        """A picture of what each conv layer makes of the probe images; which channels are dead `activations` finds."""
        layers = layer_activations(self._model, self._probe.images, keep_inputs=True).values()
        return [
            image(tags.feature_maps(layer.name), self._draw_maps(layer, epoch))
            for layer in layers
            if isinstance(layer.module, nn.Conv2d)
        ]

    def weights(self) -> list[Value]:
        """A histogram of every parameter."""
        return histogram_values({tags.weights(name): weight for name, weight in self._model.named_parameters()})

    def activations(self) -> list[Value]:
        """How every layer's outputs over the sample lie, and the share of its units that are dead.

        Histograms count as many images as give 131,072 values, all else the whole sample.
        """
        self._health = {}
        counted: dict[str, Tensor] = {}
        checkup = LayerStatsPass()
        for layers in self._activation_chunks():
            for name, layer in layers.items():
                counted.setdefault(tags.activations(name), _some_images(leaving(layer)))
                checkup.add(layer)
        self._health = checkup.read()
        values = histogram_values(counted)
        for name, health in self._health.items():
            values += [scalar(tags.activation_mean(name), health.mean), scalar(tags.activation_std(name), health.std)]
            if health.dead is not None:
                values.append(scalar(tags.dead_fraction(name), len(health.dead) / health.units))
        return values

    def _activation_chunks(self) -> Iterator[Mapping[str, LayerActivation]]:
        """The sample's activations, of as many images at a time as fit in memory."""
        first = layer_activations(self._model, self._probe.sample[:2])
        per_image = sum(2 * layer.output[0].nbytes for layer in first.values())
        sample = self._probe.sample
        size = max(8, _CHUNK_BYTES.get(sample.device.type, _CHUNK_BYTES_ELSEWHERE) // max(1, per_image))
        for start in range(0, len(sample), size):
            yield layer_activations(self._model, sample[start : start + size])

    def _draw_maps(self, layer: LayerActivation, epoch: int) -> Picture:
        channels, height, width = layer.output.shape[1:]
        shown = min(channels, self._max_channels)
        title = f"{layer.name}: {channels} feature maps {height}×{width}"
        if shown < channels:
            title += f" (the first {shown} shown)"
        before = to_numpy(layer.output[:, :shown])
        after = None if layer.activated is None else to_numpy(layer.activated[:, :shown])
        activation = layer.activation or ""
        picture = draw_feature_maps(title, self._probe.pictures, before, after, activation, _caption(epoch))
        health = self._health.get(layer.name)
        dead = health.dead if health else None
        return with_numbers(picture, *map_numbers(layer, self._probe.images, shown, dead, epoch))


def _draw_kernels(name: str, conv: nn.Conv2d, epoch: int) -> Picture:
    picture = draw_kernels(name, to_numpy(conv.weight), _caption(epoch))
    return with_numbers(picture, *kernel_numbers(name, conv, epoch))


def _caption(epoch: int) -> str:
    return f"epoch {epoch}" if epoch else "untrained"


def _some_images(values: Tensor) -> Tensor:
    """The activations of whole images, as many as give `_COUNTED` values; a stride would favour some channels."""
    return values[: -(-_COUNTED // values[0].numel())]

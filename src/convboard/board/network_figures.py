"""The figures of a network at a step: its graph, its layers, and its predictions."""

from pathlib import Path

import torch
from torch import nn

from convboard.board import tags
from convboard.board.event_file import EventFile
from convboard.board.graph import trace_graph
from convboard.board.layer_figures import LayerFigures
from convboard.board.parts import Parts
from convboard.board.prediction_figures import confusion_matrix, misclassified, precision_recall_curves
from convboard.board.probe import choose_probe
from convboard.board.projector import write_projector
from convboard.board.summaries import Value, text
from convboard.data.dataset import ImageDataset
from convboard.training.callbacks import Evaluation


class NetworkFigures:
    """Draws a network, as it is when a method is called.

    Args:
        model: The network.
        device: Its device.
        dataset: The images.
        max_channels: Channels of each layer whose feature maps are drawn.
        is_full: Whether precision-recall curves and the embedding projector belong to the predictions.
    """

    def __init__(
        self, model: nn.Module, device: torch.device, dataset: ImageDataset, max_channels: int, *, is_full: bool
    ) -> None:
        self._model, self._device, self._dataset, self._is_full = model, device, dataset, is_full
        self._probe = choose_probe(dataset, device)
        self._layers = LayerFigures(model, self._probe, max_channels)

    def write_graph(self, parts: Parts, events: EventFile, step: int) -> None:
        """Write the graph."""

        def draw() -> list[Value]:
            graph = trace_graph(self._model, self._probe.images[:1])
            events.write_graph(graph.content)
            return [text(tags.GRAPH_FALLBACK, graph.reason)] if graph.reason else []

        parts.write("graph", draw, step)

    def write_layers(self, parts: Parts, epoch: int, step: int, *, due: bool) -> None:
        """Write the histograms of the layers, and their figures if they are due."""
        layers = self._layers
        parts.write("weights", layers.weights, step)
        parts.write("activations", layers.activations, step)
        if due:
            parts.write("input", lambda: layers.probe_images(epoch), step)
            parts.write("kernels", lambda: layers.kernels(epoch), step)
            parts.write("weight_matrices", lambda: layers.weight_matrices(epoch), step)
            parts.write("feature_maps", lambda: layers.feature_maps(epoch), step)

    def write_predictions(self, parts: Parts, val: Evaluation, epoch: int, step: int, run_dir: Path) -> None:
        """Write the figures of the predictions for the validation split."""
        dataset, caption = self._dataset, f"epoch {epoch}"
        parts.write("confusion_matrix", lambda: confusion_matrix(dataset, val, caption), step)
        parts.write("misclassified", lambda: misclassified(dataset, val, caption), step)
        if self._is_full:
            parts.write("precision_recall", lambda: precision_recall_curves(dataset, val), step)
            parts.write("projector", lambda: self._project(run_dir), step)

    def _project(self, run_dir: Path) -> list[Value]:
        write_projector(run_dir, self._dataset, self._model, self._device)
        return []

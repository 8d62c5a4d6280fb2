"""Builders of the `Summary.Value` messages that TensorBoard's plugins read, one function for each kind.

Scalars, images and histograms use the format's older fields, which are smaller. `EventAccumulator` reads them as they
are, and TensorBoard converts them when it loads them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

from convboard.board import tags
from convboard.board.figures.png import Figure

Value = Any  # tensorboard's messages carry no types


def scalar(tag: str, value: float) -> Value:
    """A point of a curve."""
    return Summary.Value(tag=tag, simple_value=value)


def image(tag: str, picture: Figure) -> Value:
    """An image."""
    message = Summary.Image(width=picture.width, height=picture.height, encoded_image_string=picture.png)
    return Summary.Value(tag=tag, image=message)


def text(tag: str, markdown: str) -> Value:
    """A Markdown text."""
    tensor = TensorProto(dtype=DT_STRING, string_val=[markdown.encode()], tensor_shape=_shape(1))
    return Summary.Value(tag=tag, metadata=_metadata("text"), tensor=tensor)


def histogram(tag: str, counts: Sequence[float], low: float, high: float, total: float, squares: float) -> Value:
    """A distribution.

    Args:
        tag: Its tag.
        counts: Number of values in each of the equally wide bins.
        low: Smallest value, the left edge of the first bin.
        high: Largest value, the right edge of the last bin.
        total: Sum of the values.
        squares: Sum of their squares.
    """
    edges = np.linspace(low, high, len(counts) + 1)[1:].tolist()
    return Summary.Value(
        tag=tag,
        histo=HistogramProto(
            min=low, max=high, num=sum(counts), sum=total, sum_squares=squares, bucket_limit=edges, bucket=counts
        ),
    )


def precision_recall(tag: str, curve: NDArray[np.float32]) -> Value:
    """A precision-recall curve.

    Args:
        tag: Its tag.
        curve: `[6, thresholds]`: true and false positives, true and false negatives, precision, recall.
    """
    content = PrCurvePluginData(version=0, num_thresholds=curve.shape[1]).SerializeToString()
    tensor = TensorProto(dtype=DT_FLOAT, tensor_content=curve.tobytes(), tensor_shape=_shape(*curve.shape))
    return Summary.Value(tag=tag, metadata=_metadata("pr_curves", content), tensor=tensor)


def layout(charts: Mapping[str, Sequence[str]]) -> Value:
    """The layout of the Custom Scalars tab: for each chart's title the tags of its curves."""
    multiline = [
        Chart(title=title, multiline=MultilineChartContent(tag=[f"^{tag}$" for tag in chart_tags]))
        for title, chart_tags in charts.items()
    ]
    category = Category(title="train over val", chart=multiline)
    content = Layout(category=[category]).SerializeToString()
    return Summary.Value(
        tag="custom_scalars__config__",
        metadata=_metadata("custom_scalars"),
        tensor=TensorProto(dtype=DT_STRING, string_val=[content], tensor_shape=TensorShapeProto()),
    )


def train_over_val() -> Value:
    """The layout that convboard writes: training and validation in one chart, of loss and of accuracy."""
    loss, accuracy = (tags.LOSS_TRAIN, tags.LOSS_VAL), (tags.ACCURACY_TRAIN, tags.ACCURACY_VAL)
    return layout({"loss": loss, "accuracy": accuracy})


def hparams(tag: str, content: bytes) -> Value:
    """A record of the HParams plugin, whose content is in the metadata."""
    tensor = TensorProto(dtype=DT_FLOAT, tensor_shape=_shape(0))
    return Summary.Value(tag=tag, metadata=_metadata("hparams", content), tensor=tensor)


def network(record: Mapping[str, Any]) -> Value:
    """The record of a network for the Layers tab, as JSON."""
    content = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    metadata = _metadata("layers")
    metadata.data_class = DATA_CLASS_TENSOR  # TensorBoard knows that of its own plugins alone
    tensor = TensorProto(dtype=DT_STRING, string_val=[content], tensor_shape=TensorShapeProto())
    return Summary.Value(tag=tags.NETWORK, metadata=metadata, tensor=tensor)


def _metadata(plugin: str, content: bytes = b"") -> Any:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=content))


def _shape(*sizes: int) -> Any:
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])

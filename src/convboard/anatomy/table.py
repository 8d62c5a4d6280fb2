"""The layer table of a network as text, Markdown, HTML, JSON and CSV."""

import csv
import html
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import accumulate
from typing import Any, Literal

from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.table_text import FORMULAS, RIGHT_ALIGNED, WHOLE, Columns, rounded, text_table
from convboard.anatomy.trace import INPUT, Shape

Style = Literal["markdown", "text", "json", "csv"]
_STAR = "*"  # marks a receptive field that is larger than the image
# A column is left out if all its cells are among these.
_DEFAULTS = {"dilation": {"", "1"}, "groups": {"", "1"}, "from": {""}, "frozen": {""}}


class LayerTable(list[LayerRow]):
    """A list of rows that a notebook shows as a table; `format_table` gives it as text."""

    def _repr_html_(self) -> str:
        """The table with its sums, as IPython asks for it."""
        columns, note = _columns_and_note(self)
        numeric = [' style="text-align: right"' if name in RIGHT_ALIGNED else "" for name in columns]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        lines = [
            "".join(f"<td{style}>{html.escape(cell)}</td>" for cell, style in zip(cells, numeric))
            for cells in zip(*columns.values())
        ]
        body = "\n".join(f"<tr>{line}</tr>" for line in lines)
        texts = [text.replace("\n", "<br>") for text in map(html.escape, [note, _sums(self)]) if text]
        below = "\n".join(f"<p>{text}</p>" for text in texts)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n{below}"


def format_table(rows: Sequence[LayerRow], style: Style = "markdown", width: int | None = None, title: str = "") -> str:
    """Format the layer table of a network, with its sums below.

    As text or Markdown, dilation and groups are shown only if a layer has one other than 1, and the inputs of a row
    only if they are not the row before. A receptive field that is larger than the image has a star.

    Args:
        rows: The rows that `layer_table` returns.
        style: `markdown` for TensorBoard's text tab and documents, `text` for a terminal, `json` and `csv` for
            programs: these have every field of `LayerRow`, pairs as [height, width] or `5x5`.
        width: Columns of the terminal, which the text is made to fit; see `table_text`.
        title: A title above the table, as text or Markdown.
    """
    if style == "json":
        lines = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)  # one row on each line
        return f"[\n{lines}\n]"
    if style == "csv":
        return _csv(rows)
    columns, note = _columns_and_note(rows)
    if style == "markdown":
        parts = [f"**{title}**" if title else "", _markdown(columns)]
    else:
        parts = [title, text_table(columns, width)]
    below = [note, _sums(rows)]
    if style == "text" and width:
        below = ["\n".join(textwrap.fill(line, width) for line in text.splitlines()) for text in below]
    return "\n\n".join(part for part in [*parts, *below] if part)


def _columns_and_note(rows: Sequence[LayerRow]) -> tuple[Columns, str]:
    """The cells of each column by its head, and a note on receptive fields with a star; empty if there are none."""
    image = next((row.input_shape[1:] for row in rows if row.inputs[:1] == (INPUT,)), ())
    columns = _columns(rows, image)
    has_star = any(cell.endswith(_STAR) for cell in columns.get("sees", ()))
    note = f"A field with a {_STAR} is larger than the {_times(image)} image: it reaches into the padding."
    return columns, note if has_star else ""


def _columns(rows: Sequence[LayerRow], image: Shape) -> Columns:
    """The cells of each column that is shown, by its head; `image` is (height, width)."""
    before = list(accumulate((row.name if row.output_shape else "" for row in rows), _last_name, initial=INPUT))
    columns = {
        "layer": [row.name for row in rows],
        "type": [row.type for row in rows],
        "from": [_inputs(row, last) for row, last in zip(rows, before)],
        "kernel": [_times(row.kernel_size) for row in rows],
        "stride": [_side(row.stride) for row in rows],
        "padding": [_side(row.padding) for row in rows],
        "keeps size": [_side(row.same_padding) for row in rows],
        "dilation": [_side(row.dilation) for row in rows],
        "groups": [str(row.groups or "") for row in rows],
        "output": [_times(row.output_shape) for row in rows],
        "sees": [_receptive_field(row, image) for row in rows],
        "parameters": [f"{row.parameters:,}" if row.parameters else "" for row in rows],
        "frozen": [f"{row.frozen_parameters:,}" if row.frozen_parameters else "" for row in rows],
        "MACs": [f"{row.macs:,}" if row.macs else "" for row in rows],
        FORMULAS: [row.formula for row in rows],
    }
    return {name: cells for name, cells in columns.items() if not _DEFAULTS.get(name, set()).issuperset(cells)}


def _inputs(row: LayerRow, before: str) -> str:
    """The names of a row's inputs; empty if they are the row before."""
    names = tuple(dict.fromkeys(row.inputs))
    return "" if names in ((), (before,)) else " + ".join(names)


def _receptive_field(row: LayerRow, image: Shape) -> str:
    """The size of a receptive field, `WHOLE` for the whole image, with a star if it is larger."""
    field = row.receptive_field
    if field == image and row.receptive_stride is None:
        return WHOLE
    is_larger = isinstance(field, tuple) and any(side > whole for side, whole in zip(field, image))
    return f"{_times(field)}{_STAR if is_larger else ''}"


def _last_name(before: str, name: str) -> str:
    """The name of the last row with an output; rows without one have an empty name here."""
    return name or before


def _sums(rows: Sequence[LayerRow]) -> str:
    """The sums of the rows in sentences."""
    parameters, frozen = sum(row.parameters for row in rows), sum(row.frozen_parameters for row in rows)
    of_these = f" ({parameters - frozen:,} trainable, {frozen:,} frozen)" if frozen else ""
    held, outputs = sum(row.parameter_bytes for row in rows), sum(row.output_bytes for row in rows)
    lines = [
        f"Parameters of these layers: {parameters:,}{of_these}. "
        f"Multiply-accumulates for one image: {sum(row.macs for row in rows):,}.",
        f"Memory: {_bytes(held)} of parameters, {_bytes(outputs)} of outputs of all rows for one image.",
    ]
    convolutions = [row for row in rows if row.dense_parameters and row.parameters]
    if convolutions and all(row.calls == 1 for row in rows):  # a block hides its convolutions
        own = sum(row.parameters for row in convolutions)
        dense = sum(row.dense_parameters or 0 for row in convolutions)
        lines.append(
            f"The convolutions have {own:,} of the parameters. Fully connected layers from all their inputs to all "
            f"their outputs would have {dense:,} weights."
        )
    return "\n".join(lines)


def _bytes(count: int) -> str:
    return f"{rounded(count)}B" if count >= 1000 else f"{count} B"


def _markdown(columns: Columns) -> str:
    ruler = ["---:" if name in RIGHT_ALIGNED else "---" for name in columns]
    lines = [list(columns), ruler, *map(list, zip(*columns.values()))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _csv(rows: Sequence[LayerRow]) -> str:
    file = io.StringIO()
    names = [field.name for field in fields(LayerRow)]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(getattr(row, name)) for name in names] for row in rows)
    return file.getvalue().rstrip("\n")


def _plain(value: Any) -> str:
    """A field as a CSV cell: the numbers of a shape with x between them, names with a space."""
    if isinstance(value, tuple):
        return (" " if value and isinstance(value[0], str) else "x").join(map(str, value))
    return "" if value is None else str(value)


def _times(value: tuple[int, ...] | str | None) -> str:
    """`(5, 5)` as `5x5`."""
    return value if isinstance(value, str) else "x".join(map(str, value or ()))


def _side(value: tuple[int, int] | str | None) -> str:
    """`(2, 2)` as `2`, `(2, 1)` as `2x1`."""
    return str(value[0]) if isinstance(value, tuple) and value[0] == value[1] else _times(value)

"""The table of a network as text, Markdown, JSON or CSV."""

from collections.abc import Sequence
from typing import Literal

from convboard.anatomy.rows import LayerRow


def format_table(rows: Sequence[LayerRow], style: Literal["markdown", "text"] = "markdown") -> str:
    """The table as a person reads it, with the sum of the parameters below.

    Dilation and groups are shown only where a layer has one other than 1.

    Args:
        rows: What ``layer_table`` gives.
        style: ``markdown`` for TensorBoard's text tab and documents, ``text`` for a terminal.
    """
    columns = {
        "layer": [row.name for row in rows],
        "type": [row.type for row in rows],
        "kernel": [_times(row.kernel_size) for row in rows],
        "stride": [_times(row.stride) for row in rows],
        "padding": [_times(row.padding) for row in rows],
        "dilation": [_times(row.dilation) for row in rows],
        "groups": [str(row.groups or "") for row in rows],
        "input": [_times(row.input_shape) for row in rows],
        "output": [_times(row.output_shape) for row in rows],
        "parameters": [f"{row.parameters:,}" if row.parameters else "" for row in rows],
        "size of the output": [row.formula for row in rows],
    }
    for name, usual in (("dilation", {"", "1x1"}), ("groups", {"", "1"})):
        if usual.issuperset(columns[name]):
            del columns[name]
    total = f"Parameters of these layers: {sum(row.parameters for row in rows):,}"
    return f"{_markdown(columns) if style == 'markdown' else _text(columns)}\n\n{total}"


def _markdown(columns: dict[str, list[str]]) -> str:
    ruler = ["---:" if name == "parameters" else "---" for name in columns]
    lines = [list(columns), ruler, *map(list, zip(*columns.values()))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(columns: dict[str, list[str]]) -> str:
    widths = [max(len(cell) for cell in (name, *cells)) for name, cells in columns.items()]
    lines = [list(columns), ["─" * width for width in widths], *map(list, zip(*columns.values()))]
    aligned = [
        [cell.rjust(width) if name == "parameters" else cell.ljust(width) for cell, width, name in row]
        for row in (zip(line, widths, columns) for line in lines)
    ]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _times(value: tuple[int, ...] | str | None) -> str:
    """``(5, 5)`` as ``5x5``."""
    return value if isinstance(value, str) else "x".join(map(str, value or ()))

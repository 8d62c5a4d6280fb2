"""The range of the values of pixels that have more than 8 bits. Neither Pillow nor NumPy is imported here."""

from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["integer", "float"]
KINDS: tuple[Kind, ...] = ("integer", "float")
ValueRanges = Mapping[str, tuple[float, float]]
"""Least and greatest value of the pixels that are deeper than 8 bits, by `Kind`. They become black and white."""

FULL: ValueRanges = {"integer": (0, 65535), "float": (0, 1)}
"""The usual ranges."""


def kind_of_mode(mode: str) -> Kind | None:
    """Return the kind of the pixels of an image of a mode of Pillow's; None if they have 8 bits or fewer."""
    return "integer" if mode.startswith("I") else "float" if mode == "F" else None


def common_range(kind: Kind, ranges: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the range in which all images are scaled.

    It is that of their values; or the usual one, 0 to 65535 or 0 to 1, if they use half of it or more: then black stays
    black, and a further image seldom changes it.

    Args:
        kind: The kind of the values.
        ranges: The range of each image that has one.
    """
    found = list(ranges)
    if not found:
        return FULL[kind]
    low, high = min(low for low, _ in found), max(high for _, high in found)
    bottom, top = FULL[kind]
    is_usual = bottom <= low and high <= top and (low == high or high - low >= (top - bottom) / 2)
    return FULL[kind] if is_usual else (low, high)


def describe_range(kind: Kind, low: float, high: float) -> str:
    """Return `values from 0 to 4095 scaled to 0 to 255`."""
    text = (f"{value:,.0f}" if kind == "integer" else f"{value:.4g}" for value in (low, high))
    return f"values from {' to '.join(text)} scaled to 0 to 255"

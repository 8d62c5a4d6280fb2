"""How a network was built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Origin:
    """How a network was built, for remedies that build it in another way.

    Attributes:
        factory: The function or class that built it; None if it is not known.
        arguments: What it was called with.
        in_yaml: Whether the network is written as a list of layers in a config.
    """

    factory: Callable[..., nn.Module] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    in_yaml: bool = False

"""A network of any kind, as pictures are shown to it."""

from torch import nn

from convboard.feature_maps.network import ExaminedNetwork


def subject(model: nn.Module, shape: tuple[int, int, int]) -> ExaminedNetwork:
    """An untrained network that wants images of this shape."""
    return ExaminedNetwork("Net", "untrained", model.eval(), shape, (0.5,) * shape[0], (0.25,) * shape[0])

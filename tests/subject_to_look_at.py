"""A network of any kind, as pictures are shown to it."""

from torch import nn

from convboard.subjects import Subject


def subject(model: nn.Module, shape: tuple[int, int, int]) -> Subject:
    """An untrained network that wants images of this shape."""
    return Subject("Net", "untrained", model.eval(), shape, (0.5,) * shape[0], (0.25,) * shape[0])

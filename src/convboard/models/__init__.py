"""The networks, each in a file of its own, and the registry of their names.

They are plain nn.Modules that know nothing of configs. A config, and a run directory, name them by `convboard.models`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from convboard.errors import ModelError, nearest
from convboard.models.batchnorm_cnn import BatchNormCNN
from convboard.models.cifar10_quick import CIFAR10Quick, cifar10_quick_sequential
from convboard.models.conv_demo import ConvDemo
from convboard.models.conv_mlp import ConvMLP
from convboard.models.conv_stack import ConvStack
from convboard.models.infer_arguments import build
from convboard.models.lenet import LeNet
from convboard.models.resnet import resnet18
from convboard.models.sequential import sequential
from convboard.models.whitened_cnn import WhitenedCNN

__all__ = [
    "MODELS",
    "BatchNormCNN",
    "CIFAR10Quick",
    "ConvDemo",
    "ConvMLP",
    "ConvStack",
    "LeNet",
    "WhitenedCNN",
    "build",
    "build_model",
    "cifar10_quick_sequential",
    "resnet18",
    "sequential",
]

MODELS: dict[str, Callable[..., nn.Module]] = {
    "lenet": LeNet,
    "conv_stack": ConvStack,
    "conv_mlp": ConvMLP,
    "conv_demo": ConvDemo,
    "batchnorm_cnn": BatchNormCNN,
    "cifar10_quick": CIFAR10Quick,
    "cifar10_quick_sequential": cifar10_quick_sequential,
    "resnet18": resnet18,
    "whitened_cnn": WhitenedCNN,
    "sequential": sequential,
}


def build_model(name: str, input_shape: tuple[int, ...], num_classes: int | None = None, **arguments: Any) -> nn.Module:
    """Build one of convboard's networks for images of a given shape.

    Args:
        name: One of `MODELS`.
        input_shape: (C, H, W) of the images.
        num_classes: Number of classes; None for a network without a classifier (conv_stack, conv_demo, sequential).
        **arguments: Other arguments of the network's constructor.

    Raises:
        ModelError: The name or an argument is unknown, or the images are too small for the network.

    Example:
        >>> model = build_model("lenet", input_shape=(1, 32, 32), num_classes=10)
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"Unknown model {name!r}. {nearest(str(name), MODELS)}")
    factory = MODELS[name]
    if num_classes is None and inspect.signature(factory).parameters["num_classes"].default is not None:
        raise ModelError(f"{name} always ends in a classifier: give num_classes.")
    return build(factory, input_shape, num_classes, **arguments)

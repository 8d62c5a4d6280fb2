"""Checks of what a caller gives: a network, the shape of an image, a batch of images."""

import inspect
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from convboard.errors import ModelError


def check_network(model: Any) -> None:
    """Check that a value is a network.

    Args:
        model: Should be an nn.Module.

    Raises:
        ModelError: It is not; the message says what to give instead.
    """
    if isinstance(model, nn.Module):
        return
    if inspect.isclass(model) or inspect.isfunction(model):
        name, kind = model.__name__, "class" if inspect.isclass(model) else "function"
        raise ModelError(f"{name} is a {kind}, not a network: give the network that it makes, such as {name}().")
    remedy = "give an nn.Module"
    if isinstance(model, str):
        remedy = f"give the network itself, such as convboard.build_model({model!r}, (1, 32, 32), 10)"
    elif isinstance(model, Mapping):
        remedy = "load weights into a network with its load_state_dict, and give the network"
    raise ModelError(f"The network is {_kind(model)}: {remedy}.")


def check_shape(image_shape: Any) -> None:
    """Check that a shape is that of one image.

    Args:
        image_shape: Should be (C, H, W).

    Raises:
        ModelError: It is not three positive whole numbers.
    """
    is_tensor = isinstance(image_shape, Tensor)
    numbers = [] if is_tensor or isinstance(image_shape, str) else _items(image_shape)
    if len(numbers) == 3 and all(isinstance(number, Integral) and int(number) >= 1 for number in numbers):
        return
    given = f"a tensor of shape {tuple(image_shape.shape)}" if is_tensor else repr(_plain(image_shape))
    raise ModelError(
        f"The input shape is {given}: give (channels, height, width) of one image, without the batch, such as "
        "(1, 28, 28)."
    )


def shapes_of(input_shape: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the shape of an image, and those of the other inputs.

    Args:
        input_shape: (C, H, W), or a sequence of shapes that begins with it.

    Raises:
        ModelError: It is neither.
    """
    shapes = _items(input_shape) if isinstance(input_shape, (tuple, list)) else []
    if not shapes or any(isinstance(shape, Integral) for shape in shapes):
        shapes = [input_shape]
    check_shape(shapes[0])
    for shape in shapes[1:]:
        if not isinstance(shape, (tuple, list)) or not all(isinstance(size, Integral) for size in shape):
            raise ModelError(f"The shape of a further input is {shape!r}: give its sizes without the batch, as (5,).")
    return shapes[0], tuple(shapes[1:])


def _kind(value: Any) -> str:
    """`None`, or `a list`."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _items(value: Any) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        return []


def _plain(value: Any) -> Any:
    """A torch.Size or list as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else value


def check_images(images: Any) -> None:
    """Check that a value is a batch of images.

    Args:
        images: Should be a tensor [N, C, H, W].

    Raises:
        ModelError: It is not; the message says how to convert it.
    """
    if not isinstance(images, Tensor):
        is_array = type(images).__module__ == "numpy"
        remedy = " Give torch.from_numpy(images)." if is_array else ""
        if is_array and images.dtype != "float32":
            whole = images.dtype.kind in "iub"
            remedy = f" Give torch.from_numpy(images).float(){_SCALED if whole else '.'}"
        raise ModelError(
            f"images are {'a NumPy array' if is_array else _kind(images)}: they must be a tensor, [N, C, H, W].{remedy}"
        )
    if images.ndim != 4:
        single = " Give a single image as image.unsqueeze(0)." if images.ndim == 3 else ""
        raise ModelError(f"images are {list(images.shape)}: they must be a batch, [N, C, H, W].{single}")


_SCALED = " / 255, normalised as in the training of the network."


def check_dtype_and_device(model: nn.Module, images: Tensor) -> None:
    """Check that images have the dtype and the device of the weights of a network that failed on them.

    Args:
        model: The network.
        images: What it was called with.

    Raises:
        ModelError: They have others; the message says how to convert them.
    """
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    dtype, device = (weight.dtype, weight.device) if weight is not None else (torch.float32, images.device)
    if images.dtype != dtype:
        held, wanted = (str(one).removeprefix("torch.") for one in (images.dtype, dtype))
        to = "float()" if dtype == torch.float32 else f"to(torch.{wanted})"
        end = "." if images.is_floating_point() else _SCALED
        raise ModelError(f"images are {held}, and the network computes in {wanted}: give images.{to}{end}")
    if images.device != device:
        raise ModelError(
            f"images are on {images.device}, and the network is on {device}: give images.to({str(device)!r})."
        )

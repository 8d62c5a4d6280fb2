"""Numbers and layers in words, as the explanations have them."""

from math import isqrt, prod

from torch import nn

from convboard.anatomy.trace import Shape


def count(number: int, noun: str) -> str:
    """``1 channel``, ``3 channels``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sizes(shape: Shape, alike: bool = False) -> str:
    """``16x4x4``; with ``alike``, one number for a pair of equal ones."""
    if alike and len(set(shape)) == 1:
        return str(shape[0])
    return "x".join(map(str, shape))


def batch_of(shape: Shape, batch: int) -> str:
    """``[N, 10, 26, 26]``, or ``[512]`` where the batch is not the first size."""
    known = shape[:1] == (batch,)
    return f"[{', '.join(['N', *map(str, shape[1:])] if known else map(str, shape))}]"


def product(shape: Shape) -> str:
    """``16·4·4 = 256``."""
    return f"{'·'.join(map(str, shape))} = {prod(shape)}" if len(shape) > 1 else str(prod(shape))


def factors(features: int, picture: Shape) -> str:
    """``16·5·5 = 400`` if so many features are square pictures with as many channels as this one, else ``400``."""
    side = isqrt(features // picture[0])
    if len(picture) == 3 and picture[0] * side * side == features:
        return product((picture[0], side, side))
    return str(features)


def line_of(layer: nn.Module, **changes: int) -> str:
    """The line that makes such a layer with other sizes: ``nn.Conv2d(1, 6, 5)``."""
    if isinstance(layer, nn.Linear):
        sides = [changes.get("in_features", layer.in_features), changes.get("out_features", layer.out_features)]
        return f"nn.Linear({sides[0]}, {sides[1]}{', bias=False' if layer.bias is None else ''})"
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, changes)
    return f"nn.{type(layer).__name__}({', '.join(map(str, changes.values()))})"


def _convolution(layer: nn.Conv2d, changes: dict[str, int]) -> str:
    usual: dict[str, tuple[object, object]] = {
        "stride": (layer.stride, (1, 1)),
        "padding": (layer.padding, (0, 0)),
        "dilation": (layer.dilation, (1, 1)),
        "groups": (changes.get("groups", layer.groups), 1),
        "bias": (layer.bias is not None, True),
    }
    sides = [changes.get("in_channels", layer.in_channels), changes.get("out_channels", layer.out_channels)]
    first = [str(side) for side in sides] + [_plain(layer.kernel_size)]
    others = [f"{name}={_plain(value)}" for name, (value, default) in usual.items() if value != default]
    return f"nn.Conv2d({', '.join(first + others)})"


def _plain(value: object) -> str:
    """``(5, 5)`` as ``5``, as people write it."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        return str(value[0])
    return repr(value)


def divisors(*numbers: int) -> list[int]:
    """The numbers that divide all of these."""
    return [k for k in range(1, min(numbers) + 1) if not any(number % k for number in numbers)]


def listed(numbers: list[int]) -> str:
    """``1, 2, 4``; of many the first five and the last."""
    return ", ".join(map(str, numbers if len(numbers) < 8 else [*numbers[:5], "...", numbers[-1]]))

"""Numbers, shapes and names as text for messages."""

from collections.abc import Sequence
from math import isqrt, prod

from convboard.anatomy.trace import Shape

_SHOWN = 4  # names in a message

KEEP_THE_BATCH = "keep the batch apart: torch.flatten(x, 1) or nn.Flatten()"


def count(number: int, noun: str) -> str:
    """Return `1 channel`, `3 channels`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sizes(shape: Shape, short: bool = False) -> str:
    """Return `16x4x4`; with `short`, one number for equal ones."""
    if short and len(set(shape)) == 1:
        return str(shape[0])
    return "x".join(map(str, shape))


def batch_of(shape: Shape, batch: int) -> str:
    """Return `[N, 10, 26, 26]`, or `[512]` if the first size is not that of the batch."""
    is_batch = shape[:1] == (batch,)
    return f"[{', '.join(['N', *map(str, shape[1:])] if is_batch else map(str, shape))}]"


def product(shape: Shape) -> str:
    """Return `16·4·4 = 256`."""
    return f"{'·'.join(map(str, shape))} = {prod(shape)}" if len(shape) > 1 else str(prod(shape))


def factors(features: int, feature_map: Shape) -> str:
    """Return `16·5·5 = 400`, if the features are square feature maps with these channels, else `400`.

    Args:
        features: Number of features.
        feature_map: (C, H, W) of a feature map with other H and W, or (features,).
    """
    side = isqrt(features // feature_map[0])
    if len(feature_map) == 3 and feature_map[0] * side * side == features:
        return product((feature_map[0], side, side))
    return str(features)


def in_python(path: str) -> str:
    """Return the path of a module as Python code: `features[0].conv` for `features.0.conv`."""
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split(".")).removeprefix(".")


def divisors(*numbers: int) -> list[int]:
    """Return the common divisors of all numbers."""
    return [k for k in range(1, min(numbers) + 1) if not any(number % k for number in numbers)]


def listed(numbers: list[int]) -> str:
    """Return `1, 2, 4`; of eight numbers or more the first five and the last."""
    return ", ".join(map(str, numbers if len(numbers) < 8 else [*numbers[:5], "...", numbers[-1]]))


def listed_names(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b, c, d and 3 more`."""
    shown = list(names) if len(names) <= _SHOWN + 1 else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))

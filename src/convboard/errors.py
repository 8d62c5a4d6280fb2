"""Everything a user can get wrong, as one tree of exceptions.

ConvboardError                what a person can mend; the command line shows its message alone, exit code 2
├── ConfigError               a key or a value of the config
├── DataError                 images or labels: missing, damaged, or not what the config says
├── ModelError                a network that cannot be built, or does not fit the data
├── CheckpointError           a checkpoint that is truncated, altered, or of another network
├── RunError                  a run directory: not writable, in use, or not a run
├── TrainingError             training that cannot go on, such as a loss that is not finite
└── RankError                 another process of the same run, which had to end

A bug is none of these: it stays a traceback.
"""

from collections.abc import Iterable
from copy import copy
from difflib import get_close_matches
from typing import Any, Self

_MANY, _SHOWN = 20, 10  # from how many names on a message shows only the nearest, and how many of those


class ConvboardError(ValueError):
    """Base of every error that a user, not a developer, can mend.

    Args:
        *args: The message.
        arguments: Names of the Python arguments that have to change, if there are any. The part that knows the config
            adds the keys that they have there.
    """

    def __init__(self, *args: object, arguments: tuple[str, ...] = ()) -> None:
        super().__init__(*args)
        self.arguments = arguments

    def with_message(self, text: str) -> Self:
        """Return a copy of this error with another message."""
        changed = copy(self)
        changed.args = (text,)
        return changed

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle without the constructor, which takes other arguments in some subclasses."""
        return _new, (type(self), *self.args), self.__dict__


class ConfigError(ConvboardError):
    """A key or value of the config is not allowed."""


class DataError(ConvboardError):
    """Images or labels are missing, damaged, or not what the config says."""


class ModelError(ConvboardError):
    """A network cannot be built, or does not fit the data."""


class CheckpointError(ConvboardError):
    """A checkpoint is truncated, altered, or of another network."""


class RunError(ConvboardError):
    """A run directory cannot be used."""


class TrainingError(ConvboardError):
    """Training cannot go on."""


class RankError(ConvboardError):
    """Another process of the same run had to end.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def _new(kind: type[ConvboardError], *args: object) -> ConvboardError:
    return kind.__new__(kind, *args)


def nearest(given: str, allowed: Iterable[str]) -> str:
    """End an error message: the nearest allowed name first, then all of them, or the nearest ten where there are many.

    Args:
        given: What the user wrote.
        allowed: Every name that would have been accepted.

    Returns:
        ``Did you mean 'lenet'? Allowed: lenet, resnet18.``, without the question where nothing is near.
    """
    names = sorted(allowed)
    close = get_close_matches(given, names, n=1)
    question = f"Did you mean {close[0]!r}? " if close else ""
    if len(names) <= _MANY:
        return f"{question}Allowed: {', '.join(names)}."
    shown = sorted(get_close_matches(given, names, n=_SHOWN, cutoff=0.0))
    return f"{question}Allowed: {', '.join(shown)}, and {len(names) - len(shown)} more."

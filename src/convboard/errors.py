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

import re
from collections.abc import Iterable, Mapping
from copy import copy
from difflib import get_close_matches
from typing import Any, Self

_BEGINNING = 5  # letters of a name that what was given may begin with
_MANY, _SHOWN = 20, 10  # from how many names on a message shows only the nearest, and how many of those


class ConvboardError(ValueError):
    """Base of every error that a user, not a developer, can mend.

    Args:
        *args: The message.
        arguments: Names of the Python arguments that have to change, if there are any; `name=value` for one whose value
            is known. The part that knows the config adds the keys that they have there.
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


def nearest(given: str, allowed: Iterable[str], synonyms: Mapping[str, str] | None = None) -> str:
    """End an error message: the nearest allowed name first, then all of them, or the nearest ten where there are many.

    Args:
        given: What the user wrote.
        allowed: Every name that would have been accepted.
        synonyms: Allowed names by names that other programs have for them.

    Returns:
        ``Did you mean 'lenet'? Allowed: lenet, resnet18.``, without the question where nothing is near.
    """
    names = sorted(allowed)
    close = (synonyms or {}).get(given.lower()) or similar(given, names)
    question = f"Did you mean {close!r}? " if close else ""
    if len(names) <= _MANY:
        return f"{question}Allowed: {', '.join(names)}."
    shown = sorted(get_close_matches(given, names, n=_SHOWN, cutoff=0.0))
    return f"{question}Allowed: {', '.join(shown)}, and {len(names) - len(shown)} more."


def similar(given: str, names: Iterable[str]) -> str | None:
    """Return the name that `given` is probably a slip of, or None.

    It differs in one letter of four at most, or `given` is its first or its last words, as `epochs` of `max_epochs`, or
    `given` begins with it, as `hidden_size` with `hidden`.

    Args:
        given: What the user wrote.
        names: The names. Of several that are equally near, the first is taken.
    """
    words = _words(given)
    letters, names = "".join(words), list(names)
    most = (len(letters) + 1) // 4
    near = [name for name in names if abs(len("".join(_words(name))) - len(letters)) <= most]
    distances = {name: _edits(letters, "".join(_words(name))) for name in near}
    closest = min(near, key=lambda name: distances[name], default=None)
    if letters and closest is not None and distances[closest] <= most:
        return closest
    begun = [name for name in names if words and words in (_words(name)[: len(words)], _words(name)[-len(words) :])]
    if len(begun) == 1:
        return begun[0]
    shorter = [name for name in names if len(name) >= _BEGINNING and letters.startswith("".join(_words(name)))]
    return max(shorter, key=len, default=None)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.lower()) if word]


def _edits(first: str, second: str) -> int:
    """Return how many letters to insert, remove, replace or swap with the next one make `second` of `first`.

    Optimal string alignment distance; see https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance.
    """
    rows = [list(range(len(second) + 1))]
    for i, letter in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other)))
            if i > 1 and j > 1 and (letter, first[i - 2]) == (second[j - 2], other):
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]

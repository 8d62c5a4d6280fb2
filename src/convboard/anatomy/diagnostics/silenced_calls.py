"""Calls of the user's code once more, without output, and without an effect on random numbers."""

import io
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TypeVar

import torch

_Result = TypeVar("_Result")


def attempt(function: Callable[..., _Result], *arguments: Any, **keywords: Any) -> _Result | None:
    """Call code of the user's, silenced; None if it raises, as their class may also do when it is copied."""
    try:
        with silenced():
            return function(*arguments, **keywords)
    except Exception:
        return None


@contextmanager
def silenced() -> Iterator[None]:
    """Discard output and warnings, and keep the random numbers of torch, Python and NumPy, while the context lasts."""
    numpy = sys.modules.get("numpy")  # if it is not imported, nothing is drawn from it
    python_state, numpy_state = random.getstate(), numpy.random.get_state() if numpy else None
    try:
        with (
            torch.random.fork_rng(devices=[]),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)

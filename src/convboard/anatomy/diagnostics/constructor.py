"""Exceptions of a network's constructor: there is no network yet, only the line that raised."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import EnumMeta
from functools import partial
from pathlib import PurePath
from types import FrameType
from typing import Any

import torch
from torch import nn

from convboard.anatomy.diagnostics.context import Context
from convboard.anatomy.diagnostics.diagnosis import Diagnosis
from convboard.anatomy.diagnostics.rules import edits_for
from convboard.anatomy.diagnostics.trials import FAILS, best_edits, grade_constructor
from convboard.anatomy.diagnostics.user_code import Failure, failure_of, is_installed, sentence
from convboard.anatomy.diagnostics.value_slips import notes_on_values
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.origin import Origin
from convboard.anatomy.trace import Shape
from convboard.errors import nearest


def diagnose_constructor(
    error: Exception,
    factory: Callable[..., nn.Module],
    arguments: Mapping[str, Any],
    input_shape: Shape,
    num_classes: int | None,
) -> Diagnosis | None:
    """Explain an exception of the function or class that builds a network.

    Args:
        error: The exception.
        factory: The function or class.
        arguments: What it was called with.
        input_shape: (C, H, W) of the images.
        num_classes: How many logits the network must return for each image; None if any number will do.

    Returns:
        The exception with the user's line and the remedies; None if the exception is none of the user's code.
    """
    failure = failure_of(error)
    if failure is None:
        return None

    def context(model: nn.Module) -> Context:
        return Context(model, DryRun(input_shape, 2, [], None, error), num_classes, Origin(factory, arguments))

    def build() -> Any:
        return factory(**arguments)

    frames = (failure.frame, *failure.inner)
    reason, remedies = sentence(error), list[str]()
    if (download := _download(frames)) is not None:
        reason += f" {download}"
        remedies += _without_weights(failure, context, factory, arguments)
        remedies.append("put the file there, from a machine that can download it")
    elif is_installed(failure.file):
        reason += _allowed_values(frames, error, arguments)
        remedies += _without_weights(failure, context, factory, arguments)
    else:
        remedies = best_edits(failure, edits_for(failure), lambda: grade_constructor(context, failure, build))
        reason = " ".join([reason, *(notes_on_values(failure) if not remedies else ())])
    name = getattr(factory, "__name__", type(factory).__name__)
    place = (failure.where, failure.text)
    return Diagnosis(
        "constructor", None, reason, tuple(remedies), "", "", "", (), f"{name} cannot be built.", None, place
    )


def _download(frames: tuple[FrameType, ...]) -> str | None:
    """Return where weights that could not be downloaded are looked for; None if none were."""
    hub = next((frame for frame in frames if PurePath(frame.f_code.co_filename).match("torch/hub.py")), None)
    if hub is None:
        return None
    url = hub.f_locals.get("url")
    file = PurePath(url).name if isinstance(url, str) else "the file"
    return f"The pretrained weights cannot be downloaded: {file} is looked for in {torch.hub.get_dir()}/checkpoints."


def _without_weights(
    failure: Failure, context: Callable[[nn.Module], Context], factory: Callable[..., Any], arguments: Mapping[str, Any]
) -> Iterator[str]:
    """Suggest the network without pretrained weights."""
    for name in arguments:
        build = partial(factory, **{key: value for key, value in arguments.items() if key != name})
        is_weights = "weight" in name or "pretrain" in name
        if is_weights and grade_constructor(context, failure, build) != FAILS:
            yield f"leave out {name}: the network then begins with random weights"


def _allowed_values(frames: tuple[FrameType, ...], error: Exception, arguments: Mapping[str, Any]) -> str:
    """Return the names of an enumeration that does not have the one that is given, such as torchvision's weights."""
    for frame in frames:
        kind = frame.f_locals.get("cls")
        if isinstance(kind, EnumMeta) and isinstance(error, KeyError):
            names = dict.fromkeys(kind.__members__)
            given = next((name for name, value in arguments.items() if value == error.args[0]), "It")
            return f" {given} must be one of these. {nearest(str(error.args[0]), names)}"
    return ""


def known_arguments(error: TypeError, factory: Callable[..., Any]) -> list[str]:
    """Return the arguments of the class or function that refused one, which the factory passed its `**kwargs` to.

    Args:
        error: `ResNet.__init__() got an unexpected keyword argument 'num_class'`.
        factory: The factory.
    """
    called = str(error).partition("(")[0].removesuffix(".__init__")
    failure = failure_of(error)
    found = failure.frame.f_globals.get(called) if failure is not None else None
    signature = inspect.signature(found if callable(found) else factory)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.kind in kinds and parameter.default is not parameter.empty
    ]

"""Any class of network built for the data at hand: what its constructor asks and the data knows is filled in."""

import inspect
import re
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from torch import nn

from convboard.anatomy.check import raise_explained
from convboard.anatomy.diagnostics.constructors import forgotten_super, refused_groups
from convboard.anatomy.diagnostics.linear_features import wanted_features
from convboard.anatomy.diagnostics.spatial_layers import norm_width
from convboard.anatomy.dry_run import DryRun, check_shape, dry_run, lazy_layers, materialise
from convboard.anatomy.trace import Shape
from convboard.errors import ModelError, nearest

# What the data and the trial can fill in.
FILLED_IN = ("in_channels", "image_size", "num_classes", "in_features")

# Given as in_features in a trial: a number that nobody chooses, so that the layer that got it is known by it.
_UNLIKELY = 1_009


def build(
    factory: Callable[..., nn.Module],
    input_shape: Shape,
    num_classes: int | None,
    /,
    **arguments: Any,
) -> nn.Module:
    """Build a network, with what the data knows filled in.

    ``in_channels``, ``image_size`` (an int for square images, else (height, width)) and ``num_classes`` are
    given to the constructor where it has such a parameter and ``arguments`` leave it out or give None;
    ``in_features`` too, found by a trial run. Lazy layers (nn.LazyLinear and its kin) get their shapes. The
    trial draws no random number that training would see.

    Args:
        factory: A class of networks, or a function that returns one.
        input_shape: (C, H, W) of the images.
        num_classes: Number of classes; None to leave it to the constructor's default.
        **arguments: For the constructor; may give any of the four itself. A constructor that takes them only
            among its ``**kwargs``, as torchvision's functions do, is given them only here.

    Raises:
        ModelError: An argument that the constructor does not have or that it lacks, images too small for the
            network, or an ``in_features`` that a trial cannot find.
        Exception: Whatever else the constructor itself raises, untouched.
    """
    parameters = inspect.signature(factory).parameters
    given = {name: value for name, value in arguments.items() if name not in FILLED_IN or value is not None}
    for name, value in _known(input_shape, num_classes).items():
        if name in parameters and value is not None:
            given.setdefault(name, value)
    if factory.__module__.startswith("convboard.models."):
        _check_values(factory, given)
    if "in_features" in parameters and "in_features" not in given:
        _check_arguments(factory, {**given, "in_features": _UNLIKELY})
        given["in_features"] = _find_in_features(factory, input_shape, given)
    _check_arguments(factory, given)
    model = _call(factory, given)
    if not isinstance(model, nn.Module):
        raise ModelError(f"{_name(factory)} made a {type(model).__name__}, not a torch.nn.Module.")
    if lazy_layers(model):
        raise_explained(model, materialise(model, input_shape))
    return model


def _known(input_shape: Shape, num_classes: int | None) -> dict[str, Any]:
    """What the data knows, by the names that constructors give it."""
    check_shape(input_shape)
    channels, height, width = input_shape
    image_size = height if height == width else (height, width)
    return {"in_channels": channels, "image_size": image_size, "num_classes": num_classes}


def _name(factory: Callable[..., nn.Module]) -> str:
    return getattr(factory, "__name__", type(factory).__name__)


def _check_arguments(factory: Callable[..., nn.Module], given: Mapping[str, Any]) -> None:
    """Refuse arguments that the constructor does not have, and ask for those it needs."""
    parameters = inspect.signature(factory).parameters.values()
    for parameter in parameters:
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise ModelError(f"{_name(factory)} is no network: it takes {parameter.name!r}, but not by that name.")
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in given:
            if name not in named:
                allowed = nearest(name, named) if named else "It takes none."
                raise ModelError(f"{_name(factory)} has no argument {name!r}. {allowed}")
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in given:
            raise ModelError(f"{_name(factory)} needs the argument {name!r} (in a config: model.{name}).")


def _check_values(factory: Callable[..., nn.Module], given: Mapping[str, Any]) -> None:
    """Refuse for one of convboard's own networks a value that is not what its constructor's annotation says."""
    parameters = inspect.signature(factory).parameters
    for name, value in given.items():
        kind = parameters[name].annotation if name in parameters else None
        is_count = kind is int or (kind == (int | None) and value is not None)
        wanted = None
        if kind is bool and not isinstance(value, bool):
            wanted = "true or false"
        elif is_count and (type(value) is not int or value < 1):
            wanted = "a whole number, 1 or more"
        if wanted is not None:
            raise ModelError(f"{_name(factory)} cannot be built with {name}={value!r}: it must be {wanted}.")


def _call(factory: Callable[..., nn.Module], given: Mapping[str, Any]) -> Any:
    """Call a constructor; a name that it takes among its ``**kwargs``, only to stumble over it, it does not have."""
    try:
        return factory(**given)
    except ValueError as error:
        if (reason := refused_groups(error)) is None:
            raise
        keys = [f"model.{name}" for name in inspect.signature(factory).parameters if "groups" in name]
        in_config = f" In a config: {' or '.join(keys)}." if keys else ""
        raise ModelError(f"{_name(factory)}: {reason}{in_config}") from error
    except AttributeError as error:
        if (reason := forgotten_super(error)) is None:
            raise
        raise ModelError(f"{_name(factory)}: {reason}") from error
    except TypeError as error:
        found = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
        passed_on = found is not None and found[1] in set(given) - set(inspect.signature(factory).parameters)
        if found is None or not passed_on:
            raise
        raise ModelError(f"{_name(factory)} has no argument {found[1]!r}: {error}.") from error


def _find_in_features(factory: Callable[..., nn.Module], input_shape: Shape, given: Mapping[str, Any]) -> int:
    """Build the network with a wrong ``in_features`` and see what the layer that got it receives."""
    with torch.random.fork_rng(devices=[]):
        trial = _call(factory, {**given, "in_features": _UNLIKELY})
        run = materialise(trial, input_shape) if lazy_layers(trial) else dry_run(trial, input_shape)
    found = _received(run)
    if found is None:
        if run.failed_call is not None and wanted_features(run.failed_call) is None:
            raise_explained(trial, run)
        raise ModelError(
            f"The in_features of {_name(factory)} cannot be found by a trial run. "
            "Give it yourself (in a config: model.in_features)."
        ) from run.error
    return found


def _received(run: DryRun) -> int | None:
    """How many features arrived at the layer that stumbled over the unlikely number."""
    failed = run.failed_call
    if failed is None:
        return None
    view = failed.function("view", "reshape")
    if view is not None and _UNLIKELY in (*view.args[1:], *(view.args[1] if isinstance(view.args[1], tuple) else ())):
        return prod(failed.input_shape[1:])
    wanted = wanted_features(failed) or norm_width(failed)
    return failed.input_shape[1] if wanted == _UNLIKELY and len(failed.input_shape) == 2 else None

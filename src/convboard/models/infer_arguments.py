"""Build any network for the data at hand: arguments that follow from the data are inferred."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import nn

from convboard.anatomy.arguments import check_shape
from convboard.anatomy.check import raise_explained
from convboard.anatomy.dry_run import DryRun, dry_run, lazy_layers, materialise, unwrapped
from convboard.anatomy.origin import Origin
from convboard.anatomy.trace import Shape
from convboard.errors import ConvboardError, ModelError, nearest

# Arguments that are inferred from the data, and by a dry run.
INFERRED = ("in_channels", "image_size", "num_classes", "in_features")

# The in_features of the dry run: an unusual number, by which the layer that gets it is recognised.
_UNLIKELY = 1_009

_SHOWN = 5  # functions in a message


def build(
    factory: Callable[..., nn.Module],
    input_shape: Shape,
    num_classes: int | None,
    other_shapes: Sequence[Shape] = (),
    /,
    **arguments: Any,
) -> nn.Module:
    """Build a network, and infer the arguments that follow from the data.

    `in_channels`, `image_size` (an int for square images, else (height, width)) and `num_classes` are passed to
    the constructor if it has such parameters and `arguments` do not give them, or give None. `in_features` is
    inferred by a dry run. Lazy layers (nn.LazyLinear and the like) get their shapes. The dry run does not change the
    random numbers of training.

    Args:
        factory: A class of networks, or a function that returns one.
        input_shape: Shape (C, H, W) of the images.
        num_classes: Number of classes; None for the constructor's default.
        other_shapes: Shapes of the network's other inputs, without the batch.
        **arguments: Arguments of the constructor, which may include the four above. A constructor that takes these
            only in its `**kwargs`, as torchvision's functions do, gets them only from here.

    Raises:
        ModelError: An argument is unknown or missing, the images are too small for the network, or `in_features`
            cannot be inferred.
        Exception: Any other exception of the constructor.
    """
    parameters = inspect.signature(factory).parameters
    given = given_arguments(factory, input_shape, num_classes, arguments)
    known = {name: value for name, value in _inferred(input_shape, num_classes).items() if isinstance(value, int)}
    if factory.__module__.startswith("convboard.models."):
        _check_values(factory, given)
    if "in_features" in parameters and "in_features" not in given:
        _check_arguments(factory, {**given, "in_features": _UNLIKELY}, known)
        given["in_features"] = _find_in_features(factory, [input_shape, *other_shapes], given)
    _check_arguments(factory, given, known)
    model = _call(factory, given, input_shape, num_classes)
    if not isinstance(model, nn.Module):
        made = f"{_name(factory)} gives a value of type {type(model).__name__}, not a torch.nn.Module."
        is_class = isinstance(model, type) and issubclass(model, nn.Module)
        raise ModelError(f"{made} {f'Call it: return {model.__name__}(...)' if is_class else 'Return the network'}.")
    model = unwrapped(model)
    if lazy_layers(model):
        run = materialise(model, input_shape, other_shapes)
        raise_explained(model, run, num_classes=num_classes, origin=Origin(factory, given))
    return model


def given_arguments(
    factory: Callable[..., nn.Module], input_shape: Shape, num_classes: int | None, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a constructor is called with: its arguments that follow from the data, and those that are given.

    Args:
        factory: The constructor.
        input_shape: (C, H, W) of the images.
        num_classes: Number of classes; None for the constructor's default.
        arguments: Arguments that the user gave.
    """
    parameters = inspect.signature(factory).parameters
    given = {name: value for name, value in arguments.items() if name not in INFERRED or value is not None}
    for name, value in _inferred(input_shape, num_classes).items():
        if name in parameters and value is not None:
            given.setdefault(name, value)
    return given


def _inferred(input_shape: Shape, num_classes: int | None) -> dict[str, Any]:
    """The arguments that follow from the data."""
    check_shape(input_shape)
    return {"in_channels": input_shape[0], "image_size": square_side(input_shape), "num_classes": num_classes}


def square_side(image_shape: Shape) -> int | tuple[int, int]:
    """Return the side of square images of the shape (C, H, W), or else (height, width)."""
    _, height, width = image_shape
    return height if height == width else (height, width)


def takes_more_than(factory: Callable[..., nn.Module], name: str) -> bool:
    """Return whether a constructor has no argument of this name, but passes on those that it has not."""
    parameters = inspect.signature(factory).parameters
    return name not in parameters and any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _name(factory: Callable[..., nn.Module]) -> str:
    return getattr(factory, "__name__", type(factory).__name__)


def _check_arguments(factory: Callable[..., nn.Module], given: Mapping[str, Any], known: Mapping[str, int]) -> None:
    """Check that the constructor has all arguments that are given, and gets all that it needs.

    Args:
        factory: The constructor.
        given: Its arguments.
        known: The values of arguments that follow from the data, whether or not it has them.
    """
    parameters = inspect.signature(factory).parameters.values()
    for parameter in parameters:
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise ModelError(f"{_name(factory)} cannot be used: its argument {parameter.name!r} is positional-only.")
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in given:
            if name not in named:
                allowed = nearest(name, named) if named else "It takes none."
                raise ModelError(f"{_name(factory)} has no argument {name!r}. {allowed}")
    missing = tuple(name for name, one in named.items() if one.default is one.empty and name not in given)
    if missing and (functions := _functions_that_build(factory)):
        text = f"{_name(factory)} needs the argument {missing[0]!r}. These functions give it: {', '.join(functions)}."
        passed_on = [f"{name}={value}" for name, value in known.items() if name in named]  # in their **kwargs
        raise ModelError(text, arguments=(f"_target_={functions[0]}", *passed_on))
    if missing:
        raise _missing(_name(factory), missing, known)


def _missing(name: str, arguments: Sequence[str], known: Mapping[str, int]) -> ModelError:
    """The error for arguments that a constructor needs."""
    words = {"class": "num_classes", "channel": "in_channels", "size": "image_size"}
    inferred = {one: right for one in arguments for word, right in words.items() if word in one and "hidden" not in one}
    values = {one: known[right] for one, right in inferred.items() if right in known}
    listed = " and ".join(filter(None, [", ".join(map(repr, arguments[:-1])), repr(arguments[-1])]))
    text = f"{name} needs the argument{'s' if len(arguments) > 1 else ''} {listed}."
    renamed = "".join(f" Called {right} instead of {one}, it is given by the data." for one, right in inferred.items())
    valued = tuple(f"{one}={values[one]}" if one in values else one for one in arguments)
    return ModelError(text + renamed, arguments=valued)


def _functions_that_build(factory: Callable[..., nn.Module]) -> list[str]:
    """Return the functions beside a class that build a network of it, and need no arguments themselves."""
    found = []
    for name, function in vars(sys.modules.get(factory.__module__, inspect)).items():
        if name.startswith("_") or not inspect.isfunction(function) or not inspect.isclass(factory):
            continue
        signature = inspect.signature(function)
        needed = (p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD and p.default is p.empty)
        if signature.return_annotation in (factory, factory.__name__) and not any(needed):
            found.append(f"{factory.__module__}.{name}")
    return found[:_SHOWN]


def _check_values(factory: Callable[..., nn.Module], given: Mapping[str, Any]) -> None:
    """Check the arguments of one of convboard's own networks against the annotations of its constructor."""
    parameters = inspect.signature(factory).parameters
    for name, value in given.items():
        annotation = parameters[name].annotation if name in parameters else None
        is_count = annotation is int or (annotation == (int | None) and value is not None)
        wanted = None
        if annotation is bool and not isinstance(value, bool):
            wanted = "true or false"
        elif is_count and (type(value) is not int or value < 1):
            wanted = "a whole number, 1 or more"
        elif annotation is str and not isinstance(value, str):
            wanted = "a text"
        if wanted is not None:
            raise ModelError(f"{_name(factory)} cannot be built with {name}={value!r}: it must be {wanted}.")


def _call(
    factory: Callable[..., nn.Module], given: Mapping[str, Any], input_shape: Shape, num_classes: int | None
) -> Any:
    """Call a constructor, and explain its exceptions."""
    try:
        return factory(**given)
    except ConvboardError:
        raise
    except Exception as error:
        explained = _explained(error, factory, given, input_shape, num_classes)
        if explained is None:
            raise
        raise explained from _without_frames(error)


def _explained(
    error: Exception,
    factory: Callable[..., nn.Module],
    given: Mapping[str, Any],
    input_shape: Shape,
    num_classes: int | None,
) -> ModelError | None:
    """The error for an exception of a constructor; None if it is a bug of convboard."""
    # Deferred for start-up time: only errors need it.
    from convboard.anatomy.diagnostics.constructor import diagnose_constructor, known_arguments
    from convboard.anatomy.diagnostics.diagnosis import DiagnosedError
    from convboard.anatomy.diagnostics.module_definition import invalid_groups, missing_super_init

    if (reason := invalid_groups(error) or missing_super_init(error)) is not None:
        groups = tuple(name for name in inspect.signature(factory).parameters if "groups" in name)
        return ModelError(f"{_name(factory)}: {reason}", arguments=groups if isinstance(error, ValueError) else ())
    found = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
    if isinstance(error, TypeError) and found and found[1] in set(given) - set(inspect.signature(factory).parameters):
        known = nearest(found[1], known_arguments(error, factory))
        return ModelError(f"{_name(factory)} has no argument {found[1]!r}: {error}. {known}")
    diagnosis = diagnose_constructor(error, factory, given, input_shape, num_classes)
    return DiagnosedError(diagnosis) if diagnosis is not None else None


def _without_frames(error: Exception) -> BaseException:
    """The exception without convboard's and torch's frames before those of the user."""
    from convboard.anatomy.diagnostics.user_code import without_library_frames  # deferred, as above

    return without_library_frames(error)


def _find_in_features(factory: Callable[..., nn.Module], shapes: Sequence[Shape], given: Mapping[str, Any]) -> int:
    """Return the number of features that arrive at the layer with `in_features`, by a dry run with a wrong number."""
    with torch.random.fork_rng(devices=[]):
        model = _call(factory, {**given, "in_features": _UNLIKELY}, shapes[0], None)
        image, *others = shapes
        is_lazy = bool(lazy_layers(model))
        run = materialise(model, image, others) if is_lazy else dry_run(model, image, other_shapes=others)
    found = _received(run)
    if found is None:
        if run.failed_call is not None and run.failed_call.in_features is None:
            raise_explained(model, run)
        raise ModelError(
            f"The in_features of {_name(factory)} cannot be inferred by a dry run. Give it yourself.",
            arguments=("in_features",),
        ) from run.error
    return found


def _received(run: DryRun) -> int | None:
    """Return the number of features that arrived at the layer with `_UNLIKELY` ones; None if no such layer failed."""
    failed = run.failed_call
    if failed is None:
        return None
    view = failed.function("view", "reshape")
    if view is not None and _UNLIKELY in (*view.args[1:], *(view.args[1] if isinstance(view.args[1], tuple) else ())):
        return prod(failed.input_shape[1:])
    wanted = failed.in_features or failed.num_features
    return failed.input_shape[1] if wanted == _UNLIKELY and len(failed.input_shape) == 2 else None

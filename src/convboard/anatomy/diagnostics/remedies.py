"""Remedies that are tried before they are suggested: other image sizes, other padding, another argument.

Each function yields a remedy if it works, and nothing otherwise.
"""

import copy
import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convboard.anatomy.diagnostics.context import Context, Remedy
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import WORKS, grade, run_again, works
from convboard.anatomy.trace import Call, Shape

LARGEST_SIDE = 512
COMMON_SIDES = (28, 32, 48, 64, 96, 128, 224, 256)
MOST_CONVOLUTIONS = 6  # the first convolutions, which are tried one by one
_SIZES = ("image_size", "img_size", "input_size", "size", "side")  # names of a constructor argument for the side


def other_images(context: Context) -> Iterator[Remedy]:
    """Suggest images of the first common size that the network works on as it is."""
    if not context.is_complete:
        return
    channels = context.run.image_shape[0]
    fitting = next((side for side in COMMON_SIDES if works(context, context.model, (channels, side, side))), None)
    if fitting is not None:
        yield Remedy(f"give it images of {fitting}x{fitting}", image_size=fitting)


def larger_images(context: Context) -> Iterator[Remedy]:
    """Suggest the smallest square images into which every window of the network fits."""
    channels = context.run.image_shape[0]

    def fits(side: int) -> bool:
        run = run_again(context, context.model, (channels, side, side))
        failed = run.failed_call if run else None
        if failed is not None and excessive_padding(failed):
            return False
        window = failed.window if failed else None
        if failed is None or window is None or len(failed.input_shape) != 4:
            return True
        return window.fits((failed.input_shape[2], failed.input_shape[3]))

    index = bisect_left(range(1, LARGEST_SIDE + 1), True, key=fits)
    if index < LARGEST_SIDE:
        side = index + 1
        yield Remedy(f"give it images of {side}x{side} or more", image_size=side)


def excessive_padding(call: Call) -> tuple[str, int, int] | None:
    """Find reflection or circular padding of more pixels than there are.

    Returns:
        The padding mode, the pixels asked for, and the most that are possible; None if there is no such padding.
    """
    function = call.function("pad")
    given = function.arguments if function else {}
    mode, padding, shape = given.get("mode", "constant"), given.get("pad", ()), call.input_shape
    if mode not in {"reflect", "circular"} or len(shape) < 3:
        return None
    pixels = max(padding[:2], default=0), max(padding[2:4], default=0)  # of the width, of the height
    most = [side - (mode == "reflect") for side in (shape[-1], shape[-2])]  # the edge itself is not mirrored
    return next(((mode, asked, limit) for asked, limit in zip(pixels, most) if asked > limit), None)


def more_padding(context: Context) -> Iterator[str]:
    """Suggest padding that keeps the size, in all convolutions or in one, if the network then works."""
    names = [name for name, module in context.model.named_modules() if _could_be_padded(module)]
    if not context.is_complete or not names:
        return
    single = [[name] for name in names[:MOST_CONVOLUTIONS]] if len(names) > 1 else []
    for chosen in [names, *single]:
        if (changed := _padded(context.model, chosen)) and works(context, changed):
            paddings = {str(_side(changed.get_submodule(name))) for name in chosen}
            if len(paddings) > 1:
                yield 'keep the size in all convolutions: padding="same"'
            else:
                where = " and ".join(chosen) if len(chosen) < 4 else f"the {len(chosen)} convolutions"
                yield f"set padding={paddings.pop()} in {where}"
            return


def other_argument(
    context: Context, wrong: int | None, right: int | None, names: tuple[str, ...] = ()
) -> Iterator[Remedy]:
    """Suggest another value for an argument of the network's constructor, if the network then works.

    Args:
        context: Has the factory and its arguments.
        wrong: The number that does not fit; an argument with this value may be the one to change.
        right: The number that fits; None to suggest only another size of the images.
        names: Arguments that may be the one to change, independent of their value.
    """
    factory = context.origin.factory or type(context.model)
    is_of_torch = type(context.model).__module__.startswith("torch.")
    if not context.is_complete or (context.origin.factory is None and is_of_torch):
        return
    values = _arguments(context, factory)
    if values is None or not _is_same(context, factory, values):
        return
    height, width = context.run.image_shape[1:]
    side = height if height == width else (height, width)
    more = (*names, *_SIZES[:2]) if _takes_more(factory) else ()
    proposals: list[tuple[str, Any]] = []
    if right is not None:
        others = (name for name in values if name in names or (values[name] == wrong and name not in _SIZES))
        proposals = [(name, right) for name in dict.fromkeys((*others, *more)) if name not in _SIZES]
    proposals += [(name, side) for name in dict.fromkeys((*values, *more)) if name in _SIZES]
    for name, value in proposals:
        model = _built(factory, {**values, name: value})
        if values.get(name) != value and model is not None and works(context, model):
            maker = getattr(factory, "__name__", type(context.model).__name__)
            argument = (name, value) if context.origin.factory is not None else None
            is_inferred = name in inspect.signature(factory).parameters
            yield Remedy(f"build it with {maker}({name}={value})", argument=argument, is_inferred=is_inferred)
            return


def other_switch(context: Context) -> Iterator[Remedy]:
    """Suggest the other value of a true-or-false argument, if the network then returns one tensor of logits."""
    factory = context.origin.factory
    values = _arguments(context, factory) if factory is not None else None
    if factory is None or values is None:
        return
    switches = {
        parameter.name: parameter.default
        for function in (type(context.model), factory)
        for parameter in inspect.signature(function).parameters.values()
        if isinstance(parameter.default, bool)
    }
    for name, default in switches.items():
        value = not values.get(name, default)
        model = _built(factory, {**values, name: value})
        if model is not None and grade(context, model) == WORKS:
            text = f"build it with {getattr(factory, '__name__', 'it')}({name}={value})"
            yield Remedy(text, argument=(name, value))
            return


def _takes_more(factory: Callable[..., nn.Module]) -> bool:
    """Return whether a function takes any arguments, which it passes on."""
    parameters = inspect.signature(factory).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _could_be_padded(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.padding not in ("same", "valid", _same(module))
        and module.padding_mode == "zeros"
        and max(module.kernel_size) > 1
        and all(side % 2 for side in module.kernel_size)
    )


def _same(layer: nn.Conv2d) -> tuple[int, ...]:
    """The padding with which a convolution of stride 1 keeps the size."""
    return tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size))


def _padded(model: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy in which these convolutions keep the size; None if the network cannot be copied."""
    changed: nn.Module | None = attempt(copy.deepcopy, model)
    if changed is None:
        return None
    for name in names:
        layer = changed.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        layer.padding = _same(layer)
    return changed


def _side(layer: nn.Module) -> int | tuple[int, ...]:
    padding: Any = layer.padding
    return int(padding[0]) if padding[0] == padding[1] else tuple(padding)


def _arguments(context: Context, factory: Callable[..., nn.Module]) -> dict[str, Any] | None:
    """The constructor's arguments: known ones, else attributes of that name, else defaults; None if one is missing."""
    try:
        names = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return None
    values: dict[str, Any] = {}
    for parameter in names.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            values |= {name: value for name, value in context.origin.arguments.items() if name not in names}
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        attribute = getattr(context.model, parameter.name, parameter.empty)
        if parameter.name in context.origin.arguments:
            values[parameter.name] = context.origin.arguments[parameter.name]
        elif isinstance(attribute, int | float | str | tuple | list) or attribute is None:
            values[parameter.name] = attribute
        elif parameter.default is not parameter.empty:
            values[parameter.name] = parameter.default
        else:
            return None
    return values


def _is_same(context: Context, factory: Callable[..., nn.Module], values: Mapping[str, Any]) -> bool:
    """Return whether a network with these arguments has weights of the same names and shapes, and the same error."""
    shapes = _shapes(context.model)
    on_meta = _built(factory, values, device="meta")  # takes neither time nor memory
    if on_meta is not None and _shapes(on_meta) != shapes:
        return False
    model = _built(factory, values)
    if model is None or _shapes(model) != shapes:
        return False
    run = run_again(context, model)
    return run is not None and str(run.error) == str(context.run.error)


def _built(factory: Callable[..., nn.Module], values: Mapping[str, Any], device: str | None = None) -> nn.Module | None:
    """Build a network without output and without side effects on random numbers; None if that fails.

    Args:
        factory: Its function or class.
        values: Arguments by name.
        device: Default device of its weights; None leaves it to the factory.
    """
    with torch.device(device) if device else nullcontext():
        model: object = attempt(factory, **values)
    return model if isinstance(model, nn.Module) else None


def _shapes(model: nn.Module) -> dict[str, Shape]:
    return {name: () if is_lazy(weight) else tuple(weight.shape) for name, weight in model.named_parameters()}

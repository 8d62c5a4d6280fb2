"""Ways out that are tried before they are offered: other image sizes, other padding, another argument."""

import copy
import inspect
import io
import random
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.case import Case
from convboard.anatomy.dry_run import DryRun, dry_run, lazy_layers
from convboard.anatomy.trace import Call, Shape

LARGEST_SIDE = 512
USUAL_SIDES = (28, 32, 48, 64, 96, 128, 224, 256)
MOST_CONVOLUTIONS = 6  # so many are tried one by one
_SIZES = ("image_size", "img_size", "input_size", "size", "side")  # what constructors call the side of an image
_FILLED_IN = ("in_channels", "image_size", "num_classes", "in_features")  # in a config, from the data


def works(case: Case, model: nn.Module, image_shape: Shape | None = None) -> bool:
    """Whether a network runs on images of this shape and gives as many scores as wanted for each."""
    run = _run(model, image_shape or case.run.image_shape)
    if run is None or run.error is not None or not isinstance(run.output, Tensor):
        return False
    shape = tuple(run.output.shape)
    if case.num_classes is None:
        return shape[:1] == (run.batch_size,)
    return shape == (run.batch_size, case.num_classes)


def other_images(case: Case) -> Iterator[str]:
    """Images of the first of the usual sizes that the network works on as it is."""
    if not case.is_whole or lazy_layers(case.model):
        return
    channels = case.run.image_shape[0]
    fitting = next((side for side in USUAL_SIDES if works(case, case.model, (channels, side, side))), None)
    if fitting is not None:
        yield f"give it images of {fitting}x{fitting} (in a config: dataset.image_size={fitting})"


def larger_images(case: Case) -> Iterator[str]:
    """The smallest square images on which every window of the network fits."""
    if lazy_layers(case.model):
        return
    channels = case.run.image_shape[0]

    def fits(side: int) -> bool:
        run = _run(case.model, (channels, side, side))
        failed = run.failed_call if run else None
        if failed is not None and overhanging_padding(failed):
            return False
        window = failed.window if failed else None
        if failed is None or window is None or len(failed.input_shape) != 4:
            return True
        return window.fits((failed.input_shape[2], failed.input_shape[3]))

    position = bisect_left(range(1, LARGEST_SIDE + 1), True, key=fits)
    if position < LARGEST_SIDE:
        side = position + 1
        yield f"give it images of {side}x{side} or more (in a config: dataset.image_size={side})"


def overhanging_padding(call: Call) -> tuple[str, int, int] | None:
    """The padding in a call that mirrors or repeats more of the picture than there is: mode, pixels, and the most."""
    function = call.function("pad")
    given = function.arguments if function else {}
    mode, padding, shape = given.get("mode", "constant"), given.get("pad", ()), call.input_shape
    if mode not in {"reflect", "circular"} or len(shape) < 3:
        return None
    pixels = max(padding[:2], default=0), max(padding[2:4], default=0)  # of the width, of the height
    most = [side - (mode == "reflect") for side in (shape[-1], shape[-2])]  # the edge itself is not mirrored
    return next(((mode, asked, limit) for asked, limit in zip(pixels, most) if asked > limit), None)


def more_padding(case: Case) -> Iterator[str]:
    """Padding that keeps the size, in all convolutions or in one, if the network then works."""
    names = [name for name, module in case.model.named_modules() if _could_be_padded(module)]
    if not case.is_whole or not names or lazy_layers(case.model):
        return
    single = [[name] for name in names[:MOST_CONVOLUTIONS]] if len(names) > 1 else []
    for chosen in [names, *single]:
        if (changed := _padded(case.model, chosen)) and works(case, changed):
            paddings = {str(_side(changed.get_submodule(name))) for name in chosen}
            if len(paddings) > 1:
                yield 'keep the size in all convolutions: padding="same"'
            else:
                where = " and ".join(chosen) if len(chosen) < 4 else f"the {len(chosen)} convolutions"
                yield f"set padding={paddings.pop()} in {where}"
            return


def other_argument(case: Case, wrong: int | None, right: int, names: tuple[str, ...] = ()) -> Iterator[str]:
    """An argument of the network's constructor that holds the wrong number, if the network works with the right one.

    Args:
        case: What the network was built by is tried with the other argument.
        wrong: The number that does not fit; an argument with this value is the one in question.
        right: The number that does.
        names: Arguments that are tried first, whatever their value.
    """
    factory = case.factory or type(case.model)
    is_torchs = type(case.model).__module__.startswith("torch.")
    if not case.is_whole or (case.factory is None and is_torchs):
        return
    values = _arguments(case, factory)
    if values is None or not _is_same(case, factory, values):
        return
    height, width = case.run.image_shape[1:]
    side = height if height == width else (height, width)
    proposals: list[tuple[str, Any]]
    proposals = [(name, right) for name in values if name in names or (values[name] == wrong and name not in _SIZES)]
    proposals += [(name, side) for name in values if name in _SIZES]
    for name, value in proposals:
        model = _built(factory, {**values, name: value})
        if values[name] != value and model is not None and works(case, model):
            maker = getattr(factory, "__name__", type(case.model).__name__)
            left_out = ", or left out" if name in _FILLED_IN else ""
            yield f"build it with {maker}({name}={value}) (in a config: model.{name}={value}{left_out})"
            return


def _run(model: nn.Module, image_shape: Shape) -> DryRun | None:
    """A dry run; None where even that cannot be begun."""
    try:
        with _unnoticed():
            return dry_run(model, image_shape)
    except ValueError:
        return None


def _could_be_padded(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.padding == (0, 0)
        and module.padding_mode == "zeros"
        and max(module.kernel_size) > 1
        and all(side % 2 for side in module.kernel_size)
    )


def _padded(model: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy in which these convolutions keep the size of the picture; None where it cannot be copied."""
    try:
        changed = copy.deepcopy(model)
    except Exception:  # whatever a class of the user's raises
        return None
    for name in names:
        layer = changed.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        height, width = (d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size))
        layer.padding = (height, width)
    return changed


def _side(layer: nn.Module) -> int | tuple[int, ...]:
    padding: Any = layer.padding
    return int(padding[0]) if padding[0] == padding[1] else tuple(padding)


def _arguments(case: Case, factory: Callable[..., nn.Module]) -> dict[str, Any] | None:
    """What the constructor was given, as far as known: else what the network holds by that name, else the default."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return None
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        held = getattr(case.model, parameter.name, parameter.empty)
        if parameter.name in case.arguments:
            values[parameter.name] = case.arguments[parameter.name]
        elif isinstance(held, int | float | str | tuple | list) or held is None:
            values[parameter.name] = held
        elif parameter.default is not parameter.empty:
            values[parameter.name] = parameter.default
        else:
            return None
    return values


def _is_same(case: Case, factory: Callable[..., nn.Module], values: Mapping[str, Any]) -> bool:
    """Whether a network built with these arguments has weights of the same names and shapes, and fails alike."""
    shapes = _shapes(case.model)
    sketch = _built(factory, values, device="meta")  # it takes neither time nor memory
    if sketch is not None and _shapes(sketch) != shapes:
        return False
    model = _built(factory, values)
    if model is None or _shapes(model) != shapes:
        return False
    run = _run(model, case.run.image_shape)
    return run is not None and str(run.error) == str(case.run.error)


def _built(factory: Callable[..., nn.Module], values: Mapping[str, Any], device: str | None = None) -> nn.Module | None:
    """A network built without a word and without a random number; None where that fails, for whatever reason.

    Args:
        factory: Builds it.
        values: What that is given.
        device: Where its weights are to lie; None leaves that to the factory.
    """
    try:
        with _unnoticed(), torch.device(device) if device else nullcontext():
            model: object = factory(**values)
    except Exception:
        return None
    return model if isinstance(model, nn.Module) and not lazy_layers(model) else None


@contextmanager
def _unnoticed() -> Iterator[None]:
    """What runs in this context says nothing, and leaves the random numbers of torch, Python and NumPy as they were."""
    numpy = sys.modules.get("numpy")  # whoever has not imported it draws nothing from it
    pythons, numpys = random.getstate(), numpy.random.get_state() if numpy else None
    try:
        with torch.random.fork_rng(devices=[]), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        random.setstate(pythons)
        if numpy:
            numpy.random.set_state(numpys)


def _shapes(model: nn.Module) -> dict[str, Shape]:
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}

"""What went wrong in a dry run, in words: one function for each kind of mistake.

Each looks at the layer that raised and at the layers before it, and says what arrived, what the layer wanted
and what to do; or None, where the mistake is not of its kind.
"""

from bisect import bisect_left
from math import isqrt, prod

import torch
from torch import nn

from convboard.anatomy.dry_run import DryRun, dry_run, lazy_layers
from convboard.anatomy.trace import Call, Shape, leaf_modules

LARGEST_SIDE = 512
USUAL_SIDES = (28, 32, 48, 64, 96, 128, 224, 256)


def explain(model: nn.Module, run: DryRun) -> str | None:
    """Why the dry run of this network failed, and what to do; None if it is none of the known mistakes."""
    failed = run.failed_call
    if failed is None:
        return None
    return (
        wrong_channels(run, failed)
        or window_too_large(model, run, failed)
        or wrong_width(run, failed)
        or wrong_features(model, run, failed)
        or wrong_precision(model, run)
    )


def wrong_channels(run: DryRun, failed: Call) -> str | None:
    """A convolution for another number of channels, such as one for grey images given colour."""
    layer = failed.module
    if not isinstance(layer, nn.Conv2d) or len(failed.input_shape) != 4:
        return None
    wanted, arrived = layer.in_channels, failed.input_shape[1]
    if wanted == arrived:
        return None
    source = _source(run)
    if source is None:
        colours = {1: " (grey)", 3: " (red, green, blue)"}.get(arrived, "")
        reason = f"the images have {_count(arrived, 'channel')}{colours}"
        cure = f"Set in_channels to {arrived} (left out, it is filled in from the data), or use images with {wanted}."
    else:
        reason = f"{source.name} gives {_count(arrived, 'channel')}"
        cure = f"Set the in_channels of {failed.name} to {arrived}, or the channels of {source.name} to {wanted}."
    return f"{_title(failed)} wants {_count(wanted, 'channel')} but gets {arrived}: {reason}. {cure}"


def window_too_large(model: nn.Module, run: DryRun, failed: Call) -> str | None:
    """A convolution or a pooling whose window is larger than what is left of the picture."""
    window = failed.window
    if window is None or len(failed.input_shape) != 4:
        return None
    height, width = failed.input_shape[2:]
    if window.fits((height, width)):
        return None
    extent = "x".join(map(str, window.extent))
    message = f"{_title(failed)} has a window of {extent} but gets only {height}x{width}: {_trail(run)}. "
    message += f"Images of {_sides(run.image_shape)} are too small for this network. "
    smallest = smallest_side(model, run.image_shape)
    if smallest is None:
        return f"{message}Take a smaller window, more padding, or leave out a pooling."
    return (
        f"{message}Give it images of {smallest}x{smallest} or more (in a config: dataset.image_size={smallest}), "
        "or take a smaller window or more padding."
    )


def wrong_width(run: DryRun, failed: Call) -> str | None:
    """A BatchNorm for another number of channels."""
    layer = failed.module
    if not isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) or len(failed.input_shape) < 2:
        return None
    wanted, arrived = layer.num_features, failed.input_shape[1]
    if wanted == arrived:
        return None
    source = _source(run)
    origin = f"{source.name} gives {arrived}" if source else f"the images have {arrived}"
    return (
        f"{_title(failed)} is for {_count(wanted, 'channel')} but gets {arrived}: {origin}. "
        f"Set its num_features to {arrived}."
    )


def wrong_features(model: nn.Module, run: DryRun, failed: Call) -> str | None:
    """A Linear for another number of features: other images, no flatten, or one that ate the batch."""
    layer = failed.module
    if not isinstance(layer, nn.Linear) or not failed.input_shape:
        return None
    wanted, arrived = layer.in_features, failed.input_shape[-1]
    if wanted == arrived:
        return None
    if len(failed.input_shape) == 4:
        features = prod(failed.input_shape[1:])
        return (
            f"{_title(failed)} wants {wanted} features but gets pictures of "
            f"{_sizes(failed.input_shape[1:])}, not flattened. Put nn.Flatten() before it and give it "
            f"{_product(failed.input_shape[1:])} features: nn.Linear({features}, {layer.out_features})."
        )
    if len(failed.input_shape) == 1:
        return (
            f"{_title(failed)} wants {wanted} features but gets {arrived} in one row: the batch was flattened "
            f"too, and {run.batch_size} images became one. Keep the batch apart: torch.flatten(x, start_dim=1) "
            "or nn.Flatten()."
        )
    source = next((call for call in reversed(run.calls[:-1]) if _features(call) == arrived), None)
    pictures = source.output_shape[1:] if source and source.output_shape else (arrived,)
    fitting = fitting_side(model, run.image_shape)
    other = f", or give the network images of {fitting}x{fitting} (dataset.image_size={fitting})" if fitting else ""
    return (
        f"{_title(failed)} wants {_factors(wanted, pictures)} features but gets {_product(pictures)}: "
        f"{_trail(run)}. Write nn.Linear({arrived}, {layer.out_features}), or nn.LazyLinear"
        f"({layer.out_features}), which finds the number itself{other}."
    )


def wrong_precision(model: nn.Module, run: DryRun) -> str | None:
    """Weights in another precision than what they meet, such as those of a layer after .half()."""
    if not isinstance(run.error, RuntimeError) or "type" not in str(run.error):
        return None
    for name, module in leaf_modules(model).items():
        for weight in module.parameters(recurse=False):
            if weight.is_floating_point() and weight.dtype != torch.float32:
                return (
                    f"{type(module).__name__} {name} has weights in {str(weight.dtype).removeprefix('torch.')}, which "
                    "do not go with the float32 of the images or of other layers. Leave out .half(), .to(...) or "
                    "dtype=...: weights are trained in float32, and trainer.precision=bf16 computes faster with them."
                )
    return None


def smallest_side(model: nn.Module, image_shape: Shape) -> int | None:
    """The smallest square image on which every window of the network fits; None if none up to 512 does."""
    if lazy_layers(model):
        return None

    def fits(side: int) -> bool:
        run = dry_run(model, (image_shape[0], side, side))
        failed = run.failed_call
        window = failed.window if failed else None
        return failed is None or window is None or window.fits((failed.input_shape[2], failed.input_shape[3]))

    sides = range(1, LARGEST_SIDE + 1)
    position = bisect_left(sides, True, key=fits)
    return sides[position] if position < len(sides) else None


def fitting_side(model: nn.Module, image_shape: Shape) -> int | None:
    """The first of the usual image sizes that the network runs on as it is; None if there is none."""
    if lazy_layers(model):
        return None
    sides = (side for side in USUAL_SIDES if dry_run(model, (image_shape[0], side, side)).error is None)
    return next(sides, None)


def _title(call: Call) -> str:
    """``Linear fc1``."""
    return f"{type(call.module).__name__} {call.name}"


def _source(run: DryRun) -> Call | None:
    """The layer before the one that failed."""
    return run.calls[-2] if len(run.calls) > 1 else None


def _trail(run: DryRun) -> str:
    """The way of the picture: ``the images are 1x28x28, conv1 gives 6x24x24, pool1 6x12x12``."""
    steps = []
    size: Shape = run.image_shape
    for call in run.calls:
        if call.output_shape is not None and len(call.output_shape) == 4 and call.output_shape[1:] != size:
            size = call.output_shape[1:]
            steps.append(f"{call.name} {_sizes(size)}")
    if steps:
        steps[0] = steps[0].replace(" ", " gives ", 1)
    if len(steps) > 6:
        steps = [*steps[:2], "...", *steps[-4:]]
    return ", ".join([f"the images are {_sizes(run.image_shape)}", *steps])


def _features(call: Call) -> int | None:
    """How many numbers an image has after this layer, where it still is a picture."""
    shape = call.output_shape
    return prod(shape[1:]) if shape is not None and len(shape) == 4 else None


def _factors(features: int, pictures: Shape) -> str:
    """``16·5·5 = 400`` if that many features are square pictures with as many channels, else ``400``."""
    side = isqrt(features // pictures[0])
    if len(pictures) == 3 and pictures[0] * side * side == features:
        return _product((pictures[0], side, side))
    return str(features)


def _product(shape: Shape) -> str:
    """``16·4·4 = 256``."""
    return f"{'·'.join(map(str, shape))} = {prod(shape)}" if len(shape) > 1 else str(shape[0])


def _sizes(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _sides(image_shape: Shape) -> str:
    return _sizes(image_shape[1:])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

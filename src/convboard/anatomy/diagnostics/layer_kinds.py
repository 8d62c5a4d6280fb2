"""Rules for layers of another kind than pictures need, and for the widths of attention and recurrent layers."""

import copy
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.new_layer import rebuilt
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import GETS_FURTHER, grade, quiet_run, tried_layers
from convboard.anatomy.diagnostics.wording import batch_of, count, divisors, sizes
from convboard.anatomy.trace import Call

_RECURRENT = {  # settings that torch takes as **kwargs, with their defaults
    "batch_first": False,
    "num_layers": 1,
    "bidirectional": False,
    "dropout": 0.0,
    "bias": True,
    "proj_size": 0,
    "nonlinearity": "tanh",
}
_ROWS = {"1": "rows [N, C, L]", "3": "volumes [N, C, D, H, W]"}


def other_dimensions(context: Context, call: Call) -> Finding | None:
    """Recognise a Conv1d, MaxPool1d, Conv3d and the like that get pictures."""
    module = call.module
    kind, two = call.type, getattr(nn, f"{call.type[:-2]}2d", None)
    is_other = kind[-2:] in ("1d", "3d") and kind != "BatchNorm1d"  # that has a rule of its own
    if module is None or not is_other or two is None or len(call.input_shape) != 4:
        return None
    reason = f"{kind} {call.name} is for {_ROWS[kind[-2]]} but gets pictures of {sizes(call.input_shape[1:])}."
    if not context.is_user_defined:
        reason += " The network is not made for pictures: choose another."
        return Finding("dimensions", reason, (), _ROWS[kind[-2]], "pictures [N, C, H, W]", call)
    layer, text = rebuilt(module, two)
    remedies = tried_layers(context, context.path_of(module), [(f"write {text} for {call.name}", lambda: layer)])
    return Finding("dimensions", reason, tuple(remedies), _ROWS[kind[-2]], "pictures [N, C, H, W]", call)


def transposed_channels(context: Context, call: Call) -> Finding | None:
    """Recognise a ConvTranspose2d for another number of channels."""
    module, shape = call.module, call.input_shape
    if not isinstance(module, nn.ConvTranspose2d) or len(shape) != 4 or shape[1] == module.in_channels:
        return None
    wanted, arrived = (count(number, "channel") for number in (module.in_channels, shape[1]))
    reason = f"{call.type} {call.name} wants {wanted} but gets {shape[1]}: {context.channels_from(call, arrived)}."
    layer, text = rebuilt(module, in_channels=shape[1])
    remedies = tried_layers(context, context.path_of(module), [(f"write {text} for {call.name}", lambda: layer)])
    return Finding("in_channels", reason, tuple(remedies), wanted, arrived, call)


def layer_norm(context: Context, call: Call) -> Finding | None:
    """Recognise a LayerNorm whose shape is not that of the last dimensions of its input."""
    module, shape = call.module, call.input_shape
    if not isinstance(module, nn.LayerNorm) or len(shape) < 2:
        return None
    wanted = tuple(module.normalized_shape)
    if shape[-len(wanted) :] == wanted:
        return None
    inner = sizes(shape[1:])
    arrived = batch_of(shape, context.batch)
    reason = f"LayerNorm {call.name} is for last dimensions of {sizes(wanted)} but gets {arrived}"
    proposals: list[tuple[str, Any]] = []
    if len(shape) == 4 and wanted == (shape[1],):
        reason += f": the {shape[1]} channels come before height and width."
        proposals = [
            (f"write nn.GroupNorm(1, {shape[1]}) for {call.name}", lambda: nn.GroupNorm(1, shape[1])),
            (f"write nn.LayerNorm({list(shape[1:])}) for {call.name}", lambda: nn.LayerNorm(shape[1:])),
        ]
    else:
        reason += "."
        sides = shape[-len(wanted) :]
        text = str(sides[0]) if len(sides) == 1 else str(list(sides))
        proposals = [(f"write nn.LayerNorm({text}) for {call.name}", lambda: nn.LayerNorm(sides))]
    remedies = tried_layers(context, context.path_of(module), proposals)
    return Finding("norm", reason, tuple(remedies), sizes(wanted), inner, call)


def attention_width(context: Context, call: Call) -> Finding | None:
    """Recognise attention, or a transformer's layer, for another width than that of its input."""
    failure = context.failure
    widths = failure.local("embed_dim", "embed_dim_to_check") if failure else None
    if widths is None or "expecting embedding dimension" not in str(context.run.error):
        return None
    arrived, wanted = widths
    frames = [frame.f_locals.get("self") for frame in failure.inner] if failure else []
    module = next((one for one in frames if context.path_of(one)), None)
    if not isinstance(module, nn.Module):
        return None
    path, kind = context.path_of(module), type(module).__name__
    given = batch_of(call.input_shape, context.batch)
    reason = f"{kind} {path} is for a width of {wanted} but gets {arrived}: {given}."
    proposals: list[tuple[str, Any]] = []
    if isinstance(module, nn.MultiheadAttention):
        heads = min(divisors(arrived), key=lambda one: abs(one - module.num_heads))
        layer, text = rebuilt(module, embed_dim=arrived, num_heads=heads, kdim=None, vdim=None)
        proposals.append((f"write {text} for {path}", lambda: layer))
    remedies = [*tried_layers(context, path, proposals), *_linear_before(context, path, arrived, wanted)]
    return Finding("width", reason, tuple(remedies), f"a width of {wanted}", str(arrived), call)


def _linear_before(context: Context, path: str, arrived: int, wanted: int) -> list[str]:
    """The remedy of a Linear in front of a layer, if that brings the network further."""
    changed = attempt(copy.deepcopy, context.model)
    if changed is None:
        return []
    linear = nn.Linear(arrived, wanted)
    changed.get_submodule(path).register_forward_pre_hook(
        lambda _, args: tuple(linear(value) if isinstance(value, Tensor) else value for value in args)
    )
    text = f"put nn.Linear({arrived}, {wanted}) before it"
    return [text] if grade(context, changed) >= GETS_FURTHER else []


def recurrent_width(context: Context, call: Call) -> Finding | None:
    """Recognise an LSTM, GRU or RNN for another number of features."""
    module, shape = call.module, call.input_shape
    if not isinstance(module, nn.RNNBase) or len(shape) != 3 or shape[-1] == module.input_size:
        return None
    values = {name: getattr(module, name, default) for name, default in _RECURRENT.items()}
    given = {name: value for name, value in values.items() if value != _RECURRENT[name]}
    more = "".join(f", {name}={value!r}" for name, value in given.items())
    text = f"write nn.{call.type}({shape[-1]}, {module.hidden_size}{more}) for {call.name}"
    make: Any = type(module)
    proposals = [(text, lambda: make(shape[-1], module.hidden_size, **given))]
    reason = f"{call.type} {call.name} is for {count(module.input_size, 'feature')} in each step but gets {shape[-1]}."
    remedies: list[str] = list(tried_layers(context, context.path_of(module), proposals))
    if context.run.image_shape[-1] == shape[-1]:
        side = module.input_size
        if grade_of_images(context, side):
            remedies.append(f"give it images of {side}x{side}")
    return Finding("width", reason, tuple(remedies), str(module.input_size), str(shape[-1]), call)


def grade_of_images(context: Context, side: int) -> bool:
    """Return whether the network runs on square images of another size."""
    run = quiet_run(context.model, (context.run.image_shape[0], side, side), other_shapes=context.run.other_shapes)
    return run is not None and run.error is None


def single_pixel_norm(context: Context, call: Call) -> Finding | None:
    """Recognise an InstanceNorm of feature maps of one pixel."""
    module = call.module
    if module is None or "more than 1 spatial element" not in str(context.run.error):
        return None
    reason = (
        f"{call.type} {call.name} normalises each channel over its own pixels, but gets maps of 1x1: every value would "
        "become 0."
    )
    proposals = [(f"leave {call.name} out, or put it before the pooling that makes the maps 1x1", nn.Identity)]
    remedies = tried_layers(context, context.path_of(module), proposals)
    return Finding("norm", reason, tuple(remedies), "more than one pixel", "1x1", call)


def pixel_shuffle(context: Context, call: Call) -> Finding | None:
    """Recognise a PixelShuffle whose square does not divide the channels."""
    function = call.function("pixel_shuffle")
    if function is None or "divisible" not in str(context.run.error) or len(call.input_shape) < 3:
        return None
    factor, channels = function.arguments.get("upscale_factor", 1), call.input_shape[-3]
    square, source = factor * factor, context.channel_source(call)
    reason = (
        f"{context.title(call)} makes one channel of {factor}·{factor} = {square}, which do not divide the "
        f"{count(channels, 'channel')} it gets: {context.channels_from(call, count(channels, 'channel'))}."
    )
    remedies: list[str] = []
    if source is not None and isinstance(source.module, nn.Conv2d):
        for wanted in dict.fromkeys((max(channels // square, 1) * square, -(-channels // square) * square)):
            layer, text = rebuilt(source.module, out_channels=wanted)
            proposal = (f"let {source.name} give {wanted}: {text}", lambda layer=layer: layer)
            remedies += tried_layers(context, context.path_of(source.module), [proposal])
    return Finding("channels", reason, tuple(remedies), f"a multiple of {square}", str(channels), call)


def embedding(context: Context, call: Call) -> Finding | None:
    """Recognise an Embedding that gets pixels."""
    if call.function("embedding") is None or "scalar types" not in str(context.run.error):
        return None
    reason = (
        f"{context.title(call)} looks up rows by whole numbers, but gets pixels, which are normalised numbers with a "
        "fraction. Networks for images begin with nn.Conv2d or nn.Linear instead."
    )
    return Finding("dtype", reason, (), "whole numbers", "float32", call)

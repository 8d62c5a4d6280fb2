"""Rules for convolutions, poolings, paddings and normalisations."""

from collections.abc import Iterator

from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.foreign_network import replaced_layer
from convboard.anatomy.diagnostics.layer_changes import as_good, changed_layer, working_layer
from convboard.anatomy.diagnostics.new_layer import new_layer
from convboard.anatomy.diagnostics.remedies import (
    excessive_padding,
    larger_images,
    more_padding,
    other_argument,
    other_switch,
)
from convboard.anatomy.diagnostics.trials import works
from convboard.anatomy.diagnostics.wording import count, divisors, listed, sizes
from convboard.anatomy.trace import INPUT, Call

_PERMUTING = ("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims")
_COLOURS = {1: " (grey)", 3: " (red, green, blue)"}
_PADDING_VERBS = {"reflect": "mirrors", "circular": "repeats"}


def other_order(context: Context) -> Finding | None:
    """Recognise a shape whose channels come last, as in NumPy and Pillow."""
    height, width, channels = context.run.image_shape
    if channels > 4 or height <= 4 or not works(context, context.model, (channels, height, width)):
        return None
    right = (channels, height, width)
    reason = (
        f"{sizes(context.run.image_shape)} looks like height, width and channels. Images come as [N, C, H, W], "
        f"channels first, and the network fits {sizes(right)}."
    )
    remedy = f"give {right} as the shape, and images as images.permute(0, 3, 1, 2)"
    return Finding("input_shape", reason, (remedy,), "channels, height, width", sizes(context.run.image_shape))


def not_spatial(context: Context, call: Call) -> Finding | None:
    """Recognise a convolution that gets rows of features, or images without the dimension of the channels."""
    shape = call.input_shape
    if not call.function("conv2d") or len(shape) == 4:
        return None
    title = context.title(call)
    if len(shape) == 2:
        reason = f"{title} wants pictures [N, C, H, W] but gets rows of {shape[1]} features."
        remedy = f"put {call.name} before the flatten"
    elif len(shape) == 5:
        before = context.producer(call)
        reason = f"{title} wants pictures [N, C, H, W] but gets five dimensions, {list(shape)}."
        remedy = "leave out what adds a dimension"
        if before is not None and before.type == "unsqueeze":
            remedy = f"leave {before.name} out: images come as [N, C, H, W]"
    elif len(shape) == 3 and shape[0] == context.batch:
        reason = f"{title} wants pictures [N, C, H, W] but gets {list(shape)}: the channels are gone."
        remedy = "bring them back with x.unsqueeze(1), or leave the squeeze out"
    else:
        return None
    return Finding("picture", reason, (remedy,), "[N, C, H, W]", str(list(shape)), call)


def wrong_groups(context: Context, call: Call) -> Finding | None:
    """Recognise a convolution whose groups do not divide its channels, or that expects other channels per group."""
    function = call.function("conv2d")
    groups = function.arguments.get("groups", 1) if function else 1
    weight = function.tensor("weight") if function else None
    if weight is None or groups == 1 or len(call.input_shape) != 4:
        return None
    outputs, per_group, arrived = weight.shape[0], weight.shape[1], call.input_shape[1]
    what = f"{context.title(call)} has groups={groups}"
    if outputs % groups or arrived % groups:
        which, number = ("output", outputs) if outputs % groups else ("input", arrived)
        reason = f"{what}, which does not divide its {number} {which} channels: {number} / {groups} is no whole number."
        wanted, got = f"a multiple of {groups}", count(number, f"{which} channel")
        return Finding("groups", reason, _other_groups(call, weight, arrived), wanted, got, call)
    if per_group * groups == arrived:
        return None
    reason = (
        f"{what} and {count(per_group, 'input channel')} to each of them, {per_group}·{groups} = {per_group * groups}, "
        f"but gets {arrived}: {context.channels_from(call, count(arrived, 'channel'))}."
    )
    sides = sizes((outputs, arrived // groups, *weight.shape[2:]))
    remedies = [f"give it a weight of {sides}: {arrived} / {groups} = {arrived // groups} channels to each group"]
    if isinstance(call.module, nn.Conv2d):
        remedies = working_layer(context, call, lambda code: f"write {code} for {call.name}", in_channels=arrived)
    elif per_group == arrived:
        remedies.append("leave out groups")
    return Finding("groups", reason, tuple(remedies), f"{per_group * groups} channels", str(arrived), call)


def _other_groups(call: Call, weight: Tensor, arrived: int) -> tuple[str, ...]:
    """Remedies for the groups of a convolution: others that divide the channels, or none."""
    outputs, per_group, *kernel = weight.shape
    good = divisors(arrived, outputs)[1:]
    remedies = []
    if isinstance(call.module, nn.Conv2d):
        without = f"leave out groups: {new_layer(call.module, in_channels=arrived, groups=1).code} for {call.name}"
        if good:
            lines = f"nn.Conv2d({arrived}, {outputs}, ..., groups=...)"
            remedies.append(f"write {lines} for {call.name}, with groups that divide both: {listed(good)}")
    elif per_group == arrived:
        return ("leave out groups",)
    else:
        without = f"leave out groups, and give it a weight of {sizes((outputs, arrived, *kernel))}"
        if arrived // per_group in good and arrived % per_group == 0:
            remedies.append(f"take groups={arrived // per_group}")
        elif good:
            channels = f"{arrived} / groups channels to each group"
            remedies.append(f"take for groups one of {listed(good)}, which divide both, and a weight of {channels}")
    return (*remedies, without)


def wrong_in_channels(context: Context, call: Call) -> Finding | None:
    """Recognise a convolution for another number of channels, such as one for grey images that gets colour."""
    function = call.function("conv2d")
    weight = function.tensor("weight") if function else None
    if weight is None or len(call.input_shape) != 4 or function is None:
        return None
    wanted, arrived = weight.shape[1] * function.arguments.get("groups", 1), call.input_shape[1]
    if wanted == arrived:
        return None
    source = context.channel_source(call)
    before = context.producer(call)
    if before is not None and before.type in _PERMUTING and before.inputs == (INPUT,):
        return _permuted(context, call, before, wanted, arrived)
    reason = f"{context.title(call)} wants {count(wanted, 'channel')} but gets {arrived}: "
    colour = _COLOURS.get(arrived, "") if source is None else ""
    reason += f"{context.channels_from(call, count(arrived, 'channel'))}{colour}."
    if isinstance(call.module, nn.Conv2d):
        own = working_layer(context, call, lambda code: f"write {code} for {call.name}", in_channels=arrived)
    else:
        name = context.weight_name(call) or "the weight"
        right, held = (weight.shape[0], arrived, *weight.shape[2:]), tuple(weight.shape)
        own = [f"make {name} {sizes(right)} instead of {sizes(held)}"]
    names = ("in_channels", "in_chans") if source is None else ()
    remedies: list[str] = [*other_argument(context, wanted, arrived, names)]
    if not (remedies or context.is_user_defined) and isinstance(call.module, nn.Conv2d):
        remedies += replaced_layer(context, context.path_of(call.module), in_channels=arrived)
    if context.is_user_defined or not remedies:
        remedies += own
    if source is None:
        remedies += _other_colours(wanted, arrived) if context.is_user_defined else []
    else:
        own_change = (call.module, {"in_channels": arrived}) if call.module is not None else None
        remedies += _other_source(context, source, wanted, own_change)
    return Finding("in_channels", reason, tuple(remedies), count(wanted, "channel"), count(arrived, "channel"), call)


def _other_source(
    context: Context, source: Call, wanted: int, first: tuple[nn.Module, dict[str, int]] | None
) -> Iterator[str]:
    """Suggest another number of channels of the convolution before, if the network then gets as far as with `first`."""
    conv = source.module
    if isinstance(conv, nn.Conv2d) and as_good(context, first, (conv, {"out_channels": wanted})):
        plain = f"let {source.name} give as many: {new_layer(conv, out_channels=wanted).code}"
        yield changed_layer(context, conv, plain, out_channels=wanted)


def _permuted(context: Context, call: Call, permutation: Call, wanted: int, arrived: int) -> Finding:
    """Explain images whose channels were moved to the end."""
    given, made = (sizes(shape[1:]) for shape in (permutation.input_shape, permutation.output_shape or ()))
    reason = (
        f"{context.title(call)} wants {count(wanted, 'channel')} but gets {arrived}: {permutation.name} turns the "
        f"images, which are {given} with their channels first, into {made}."
    )
    remedy = f"leave {permutation.name} out: images come as [N, C, H, W], as convolutions want them"
    return Finding("in_channels", reason, (remedy,), count(wanted, "channel"), count(arrived, "channel"), call)


def _other_colours(wanted: int, arrived: int) -> list[str]:
    """Remedies that change the channels of the images in the forward."""
    if (wanted, arrived) == (3, 1):
        return ["show it the grey image three times: x = x.expand(-1, 3, -1, -1) in forward"]
    if (wanted, arrived) == (1, 3):
        return ["make the images grey: x = x.mean(1, keepdim=True) in forward"]
    return []


def window_too_large(context: Context, call: Call) -> Finding | None:
    """Recognise a convolution or a pooling whose window is larger than its input."""
    window = call.window
    if window is None or len(call.input_shape) != 4:
        return None
    height, width = call.input_shape[2:]
    if window.fits((height, width)):
        return None
    extent, left = sizes(window.extent), f"{height}x{width}"
    formula = window.formula((height, width))
    padded = "" if window.total_padding == (0, 0) else " with its padding"
    reason = (
        f"{context.title(call)} has a window of {extent} but gets only {left}{padded}: {context.sizes_to(call)}. "
        f"Images of {sizes(context.run.image_shape[1:])} are too small for this network."
    )
    switches = other_switch(context) if context.is_training and not context.is_user_defined else ()
    remedies = [*switches, *larger_images(context), *more_padding(context)]
    if context.is_user_defined or not remedies:
        remedies.append("take a smaller window, or leave out a pooling or a stride before it")
    return Finding("window", reason, tuple(remedies), f"{extent} or more", left, call, formula)


def padding_too_large(context: Context, call: Call) -> Finding | None:
    """Recognise reflection or circular padding of more pixels than there are, in a convolution or by itself."""
    found = excessive_padding(call)
    if found is None:
        return None
    mode, pixels, most = found
    left = sizes(call.input_shape[-2:])
    reason = (
        f"{context.title(call)} {_PADDING_VERBS[mode]} {pixels} pixels of the picture beyond its edge, but gets only "
        f"{left}, which has {most} for it: {context.sizes_to(call)}."
    )
    if isinstance(call.module, nn.Conv2d):
        zeros = f'pad {call.name} with zeros: padding_mode="zeros"'
    else:
        zeros = 'pad with zeros: mode="constant"'
    wanted = f"{pixels + (mode == 'reflect')} pixels or more"
    return Finding("window", reason, (*larger_images(context), zeros), wanted, left, call)


def wrong_norm_width(context: Context, call: Call) -> Finding | None:
    """Recognise a BatchNorm for another number of channels."""
    wanted = call.num_features
    if wanted is None or len(call.input_shape) < 2 or call.input_shape[1] == wanted:
        return None
    arrived = call.input_shape[1]
    noun = "channel" if len(call.input_shape) > 2 else "feature"
    reason = f"{context.title(call)} is for {count(wanted, noun)} but gets {arrived}: "
    reason += f"{context.channels_from(call, count(arrived, noun))}."
    own = [f"give it {arrived} of each"]
    if call.module is not None:
        own = working_layer(context, call, lambda code: f"write {code} for {call.name}", num_features=arrived)
    source = context.channel_source(call)
    remedies = [*other_argument(context, wanted, arrived), *own]
    if source is not None and call.module is not None:
        remedies += _other_source(context, source, wanted, (call.module, {"num_features": arrived}))
    return Finding("norm", reason, tuple(remedies), count(wanted, noun), count(arrived, noun), call)


def wrong_norm_dimensions(context: Context, call: Call) -> Finding | None:
    """Recognise a BatchNorm1d that gets a feature map, or a BatchNorm2d that gets rows of features."""
    shape = call.input_shape
    right: type[nn.Module]
    if isinstance(call.module, nn.BatchNorm1d) and len(shape) == 4:
        wanted, arrived, right = "rows of features", f"pictures of {sizes(shape[1:])}", nn.BatchNorm2d
    elif isinstance(call.module, nn.BatchNorm2d) and len(shape) == 2:
        wanted, arrived, right = "pictures", f"rows of {count(shape[1], 'feature')}", nn.BatchNorm1d
    else:
        return None
    reason = f"{context.title(call)} is for {wanted} but gets {arrived}."
    remedies = working_layer(
        context, call, lambda code: f"write {code} for {call.name}", kind=right, num_features=shape[1]
    )
    return Finding("norm", reason, tuple(remedies), wanted, arrived, call)


def wrong_norm_groups(context: Context, call: Call) -> Finding | None:
    """Recognise a GroupNorm whose groups do not divide the channels, or for another number of channels."""
    function = call.function("group_norm")
    if function is None or len(call.input_shape) < 2:
        return None
    weight, arrived = function.tensor("weight"), call.input_shape[1]
    groups = function.arguments["num_groups"]
    if arrived % groups:
        reason = (
            f"{context.title(call)} has {groups} groups, which do not divide the {count(arrived, 'channel')} it gets."
        )
        remedy = f"take a number of groups that divides {arrived}: {listed(divisors(arrived))}"
        return Finding("groups", reason, (remedy,), f"a multiple of {groups}", count(arrived, "channel"), call)
    if weight is not None and weight.shape[0] != arrived:
        wanted = weight.shape[0]
        reason = f"{context.title(call)} is for {count(wanted, 'channel')} but gets {arrived}: "
        reason += f"{context.channels_from(call, count(arrived, 'channel'))}."
        remedies = [f"give it {arrived} of each"]
        if call.module is not None:
            remedies = working_layer(context, call, lambda code: f"write {code} for {call.name}", num_channels=arrived)
        return Finding("norm", reason, tuple(remedies), count(wanted, "channel"), count(arrived, "channel"), call)
    return None

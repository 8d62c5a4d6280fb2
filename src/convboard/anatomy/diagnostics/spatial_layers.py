"""What goes wrong where convolutions, poolings and normalisations are given a picture."""

from torch import Tensor, nn

from convboard.anatomy.diagnostics.case import Case, Finding, tensor
from convboard.anatomy.diagnostics.remedies import larger_images, more_padding, other_argument
from convboard.anatomy.diagnostics.wording import count, divisors, line_of, listed, sizes
from convboard.anatomy.trace import IMAGE, Call

_TURNING = ("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims")
_COLOURS = {1: " (grey)", 3: " (red, green, blue)"}


def no_picture(case: Case, call: Call) -> Finding | None:
    """A convolution that is given features, or a batch that lost its channels."""
    shape = call.input_shape
    if not call.function("conv2d") or len(shape) == 4:
        return None
    title = case.title(call)
    if len(shape) == 2:
        reason = f"{title} wants pictures [N, C, H, W] but gets rows of {shape[1]} features."
        cure = f"put {call.name} before the flatten"
    elif len(shape) == 3 and shape[0] == case.batch:
        reason = f"{title} wants pictures [N, C, H, W] but gets {list(shape)}: the channels are gone."
        cure = "bring them back with x.unsqueeze(1), or leave the squeeze out"
    else:
        return None
    return Finding("picture", reason, (cure,), "[N, C, H, W]", str(list(shape)), call)


def wrong_groups(case: Case, call: Call) -> Finding | None:
    """A convolution whose groups do not divide its channels; a convolution for other channels to each group."""
    function = call.function("conv2d")
    groups = function.arguments.get("groups", 1) if function else 1
    weight = tensor(function, "weight") if function else None
    if weight is None or groups == 1 or len(call.input_shape) != 4:
        return None
    outputs, per_group, arrived = weight.shape[0], weight.shape[1], call.input_shape[1]
    what = f"{case.title(call)} has groups={groups}"
    if outputs % groups or arrived % groups:
        which, number = ("output", outputs) if outputs % groups else ("input", arrived)
        reason = f"{what}, which does not divide its {number} {which} channels: {number} / {groups} is no whole number."
        wanted, got = f"a multiple of {groups}", count(number, f"{which} channel")
        return Finding("groups", reason, _other_groups(call, weight, arrived), wanted, got, call)
    if per_group * groups == arrived:
        return None
    reason = (
        f"{what} and {count(per_group, 'input channel')} to each of them, {per_group}·{groups} = {per_group * groups}, "
        f"but gets {arrived}: {case.origin(call, count(arrived, 'channel'))}."
    )
    sides = sizes((outputs, arrived // groups, *weight.shape[2:]))
    cures = [f"give it a weight of {sides}: {arrived} / {groups} = {arrived // groups} channels to each group"]
    if isinstance(call.module, nn.Conv2d):
        cures = [f"write {line_of(call.module, in_channels=arrived)} for {call.name}"]
    elif per_group == arrived:
        cures.append("leave out groups")
    return Finding("groups", reason, tuple(cures), f"{per_group * groups} channels", str(arrived), call)


def _other_groups(call: Call, weight: Tensor, arrived: int) -> tuple[str, ...]:
    """Groups that divide the channels, and none at all, with the weight that goes with it."""
    outputs, per_group, *kernel = weight.shape
    good = divisors(arrived, outputs)[1:]
    cures = []
    if isinstance(call.module, nn.Conv2d):
        without = f"leave out groups: {line_of(call.module, in_channels=arrived, groups=1)} for {call.name}"
        if good:
            lines = f"nn.Conv2d({arrived}, {outputs}, ..., groups=...)"
            cures.append(f"write {lines} for {call.name}, with groups that divide both: {listed(good)}")
    elif per_group == arrived:
        return ("leave out groups",)
    else:
        without = f"leave out groups, and give it a weight of {sizes((outputs, arrived, *kernel))}"
        if arrived // per_group in good and arrived % per_group == 0:
            cures.append(f"take groups={arrived // per_group}")
        elif good:
            channels = f"{arrived} / groups channels to each group"
            cures.append(f"take for groups one of {listed(good)}, which divide both, and a weight of {channels}")
    return (*cures, without)


def wrong_in_channels(case: Case, call: Call) -> Finding | None:
    """A convolution for another number of channels, such as one for grey images given colour."""
    function = call.function("conv2d")
    weight = tensor(function, "weight") if function else None
    if weight is None or len(call.input_shape) != 4 or function is None:
        return None
    wanted, arrived = weight.shape[1] * function.arguments.get("groups", 1), call.input_shape[1]
    if wanted == arrived:
        return None
    source = case.source(call)
    before = case.before(call)
    if before is not None and before.type in _TURNING and before.inputs == (IMAGE,):
        return _turned(case, call, before, wanted, arrived)
    reason = f"{case.title(call)} wants {count(wanted, 'channel')} but gets {arrived}: "
    reason += case.origin(call, count(arrived, "channel")) + (_COLOURS.get(arrived, "") if source is None else "") + "."
    if isinstance(call.module, nn.Conv2d):
        own = f"write {line_of(call.module, in_channels=arrived)} for {call.name}"
    else:
        name = case.weight_name(call) or "the weight"
        right, held = (weight.shape[0], arrived, *weight.shape[2:]), tuple(weight.shape)
        own = f"make {name} {sizes(right)} instead of {sizes(held)}"
    cures = [*other_argument(case, wanted, arrived, ("in_channels",) if source is None else ())]
    if case.is_users_own or not cures:
        cures.append(own)
    if source is None:
        cures += _other_colours(wanted, arrived) if case.is_users_own else []
    elif isinstance(source.module, nn.Conv2d):
        cures.append(f"let {source.name} give as many: {line_of(source.module, out_channels=wanted)}")
    return Finding("in_channels", reason, tuple(cures), count(wanted, "channel"), count(arrived, "channel"), call)


def _turned(case: Case, call: Call, turn: Call, wanted: int, arrived: int) -> Finding:
    """Images whose channels were brought last, where every layer wants them first."""
    given, made = (sizes(shape[1:]) for shape in (turn.input_shape, turn.output_shape or ()))
    reason = (
        f"{case.title(call)} wants {count(wanted, 'channel')} but gets {arrived}: {turn.name} turns the images, "
        f"which are {given} with their channels first, into {made}."
    )
    cure = f"leave {turn.name} out: images come as [N, C, H, W], as convolutions want them"
    return Finding("in_channels", reason, (cure,), count(wanted, "channel"), count(arrived, "channel"), call)


def _other_colours(wanted: int, arrived: int) -> list[str]:
    """What to do about the images, where the network is to stay."""
    if (wanted, arrived) == (3, 1):
        return ["show it the grey image three times: x = x.expand(-1, 3, -1, -1) in forward"]
    if (wanted, arrived) == (1, 3):
        return ["make the images grey: x = x.mean(1, keepdim=True) in forward"]
    return []


def window_too_large(case: Case, call: Call) -> Finding | None:
    """A convolution or a pooling whose window is larger than what is left of the picture."""
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
        f"{case.title(call)} has a window of {extent} but gets only {left}{padded}: {case.trail(call)}. "
        f"Images of {sizes(case.run.image_shape[1:])} are too small for this network."
    )
    cures = [*larger_images(case), *more_padding(case)]
    cures.append("take a smaller window, or leave out a pooling or a stride before it")
    return Finding("window", reason, tuple(cures), f"{extent} or more", left, call, formula)


def wrong_norm_width(case: Case, call: Call) -> Finding | None:
    """A BatchNorm for another number of channels."""
    wanted = norm_width(call)
    if wanted is None or len(call.input_shape) < 2 or call.input_shape[1] == wanted:
        return None
    arrived = call.input_shape[1]
    noun = "channel" if len(call.input_shape) > 2 else "feature"
    reason = f"{case.title(call)} is for {count(wanted, noun)} but gets {arrived}: "
    reason += f"{case.origin(call, count(arrived, noun))}."
    own = f"write {line_of(call.module, n=arrived)} for {call.name}" if call.module else f"give it {arrived} of each"
    source = case.source(call)
    cures = [*other_argument(case, wanted, arrived), own]
    if source is not None and isinstance(source.module, nn.Conv2d):
        cures.append(f"let {source.name} give as many: {line_of(source.module, out_channels=wanted)}")
    return Finding("norm", reason, tuple(cures), count(wanted, noun), count(arrived, noun), call)


def wrong_norm_dimensions(case: Case, call: Call) -> Finding | None:
    """A BatchNorm1d for a picture, or a BatchNorm2d for features."""
    shape = call.input_shape
    if isinstance(call.module, nn.BatchNorm1d) and len(shape) == 4:
        wanted, arrived, right = "rows of features", f"pictures of {sizes(shape[1:])}", f"nn.BatchNorm2d({shape[1]})"
    elif isinstance(call.module, nn.BatchNorm2d) and len(shape) == 2:
        wanted, arrived, right = "pictures", f"rows of {count(shape[1], 'feature')}", f"nn.BatchNorm1d({shape[1]})"
    else:
        return None
    reason = f"{case.title(call)} is for {wanted} but gets {arrived}."
    return Finding("norm", reason, (f"write {right} for {call.name}",), wanted, arrived, call)


def wrong_norm_groups(case: Case, call: Call) -> Finding | None:
    """A GroupNorm whose groups do not divide the channels, or for other channels."""
    function = call.function("group_norm")
    if function is None or len(call.input_shape) < 2:
        return None
    weight, arrived = function.kwargs.get("weight", (*function.args, None, None, None)[2]), call.input_shape[1]
    groups = function.arguments["num_groups"]
    if arrived % groups:
        reason = f"{case.title(call)} has {groups} groups, which do not divide the {count(arrived, 'channel')} it gets."
        cure = f"take a number of groups that divides {arrived}: {listed(divisors(arrived))}"
        return Finding("groups", reason, (cure,), f"a multiple of {groups}", count(arrived, "channel"), call)
    if isinstance(weight, Tensor) and weight.shape[0] != arrived:
        wanted = weight.shape[0]
        reason = f"{case.title(call)} is for {count(wanted, 'channel')} but gets {arrived}: "
        reason += f"{case.origin(call, count(arrived, 'channel'))}."
        cure = f"write nn.GroupNorm({groups}, {arrived}) for {call.name}"
        return Finding("norm", reason, (cure,), count(wanted, "channel"), count(arrived, "channel"), call)
    return None


def norm_width(call: Call) -> int | None:
    """How many channels a batch normalisation is for; None for anything else."""
    function = call.function("batch_norm", "instance_norm")
    found = [tensor(function, name) for name in ("running_mean", "weight")] if function else []
    return next((int(one.shape[0]) for one in found if one is not None), None)

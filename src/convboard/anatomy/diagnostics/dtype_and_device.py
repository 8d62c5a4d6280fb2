"""Rules for tensors of different dtypes, or on different devices, in one operation."""

import torch
from torch import nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.module_definition import REGISTER, unregistered
from convboard.anatomy.diagnostics.wording import listed_names
from convboard.anatomy.trace import Call

_TORCH_MESSAGES = ("type", "not implemented for")  # parts of torch's own messages on dtypes
# Functions that index and copy across devices on purpose.
_ACROSS_DEVICES = frozenset(["getitem", "setitem", "copy", "to", "type_as", "take", "gather", "scatter"]) | frozenset(
    ["index_select", "index_add", "index_copy", "index_fill", "index_put", "index", "masked_select", "masked_fill"]
)
_METHODS = {  # torch's methods that convert to a dtype
    torch.int64: "long",
    torch.int32: "int",
    torch.uint8: "byte",
    torch.float16: "half",
    torch.float64: "double",
}


def wrong_dtype(context: Context, call: Call) -> Finding | None:
    """Recognise weights of another dtype than their input, such as those after .half(), and inputs of whole numbers."""
    if not any(part in str(context.run.error) for part in _TORCH_MESSAGES):
        return None
    tensors = [tensor for function in call.functions for tensor in function.tensors]
    weights = [tensor for tensor in tensors if isinstance(tensor, nn.Parameter)]
    other = next((tensor for tensor in weights if tensor.dtype != torch.float32), None)
    given = tensors[0].dtype if tensors else torch.float32
    if other is not None and other.dtype != given:
        return _other_weights(context, call, _name(other.dtype), _name(given))
    if not given.is_floating_point:
        wanted = _name(weights[0].dtype) if weights else "numbers with a fraction"
        reason = f"{context.title(call)} gets whole numbers ({_name(given)}) and wants {wanted}."
        remedy = f"give it x.float(){_conversion(context, call, given)}"
        return Finding("dtype", reason, (remedy,), wanted, _name(given), call)
    if weights and weights[0].dtype != given:
        reason = f"{context.title(call)} gets {_name(given)} but has weights in {_name(weights[0].dtype)}."
        buffers = [name for name, buffer in context.model.named_buffers() if buffer.dtype == given]
        remedy = f"give it x.float(){_conversion(context, call, given)}"
        if buffers:
            reason += f" {listed_names(buffers)} {'are' if len(buffers) > 1 else 'is'} in {_name(given)}."
            remedy = "convert that to float32 in __init__, with .float() or dtype=torch.float32"
        return Finding("dtype", reason, (remedy,), _name(weights[0].dtype), _name(given), call)
    return None


def _other_weights(context: Context, call: Call, held: str, given: str) -> Finding:
    """Explain weights that are not float32."""
    reason = f"{context.title(call)} has weights in {held}, which do not go with the {given} of what it gets."
    remedy = (
        "leave out .half(), .double(), .to(...) or dtype=...: weights are trained in float32, and autocast to bfloat16 "
        "computes faster with them"
    )
    return Finding("dtype", reason, (remedy,), held, given, call)


def _conversion(context: Context, call: Call, given: torch.dtype) -> str:
    """Return the end of a remedy that names the conversion to the dtype in forward; empty if it is not known."""
    method = _METHODS.get(given)
    before = context.producer(call)
    if before is not None and before.type == method:
        return f", or leave out the .{method}() in forward"
    return f", or leave out what makes it {_name(given)}, such as .{method}()" if method else ""


def wrong_device(context: Context, call: Call) -> Finding | None:
    """Recognise an operation on tensors of several devices."""
    tensors = [tensor for function in call.functions for tensor in function.tensors if tensor.ndim]
    devices = list(dict.fromkeys(str(tensor.device) for tensor in tensors))
    if len(devices) < 2:
        return None
    home = (
        str(next(context.model.parameters()).device)
        if next(context.model.parameters(), None) is not None
        else devices[0]
    )
    arrived = str(tensors[0].device)
    other = next(tensor for tensor in tensors if str(tensor.device) != home) if home in devices else tensors[-1]
    foreign = unregistered(context, tensors)
    reason = f"{context.title(call)} meets tensors on {' and '.join(devices)}: "
    names = {id(weight): name for name, weight in context.model.named_parameters()}
    if foreign is not None:
        reason += f"a weight on {foreign.device} is none of the network's parameters, so it is not moved with them."
        remedy = REGISTER
    elif id(other) in names:
        reason += f"its {names[id(other)]} is on {other.device}, the network's first weight on {home}."
        remedy = "leave out .to(...), .cuda() and device=... in the network: the whole of it is moved at once"
    else:
        reason += f"a tensor made in forward is on {other.device}."
        remedy = "make it where the images are, with device=x.device, or register it with self.register_buffer"
    return Finding("device", reason, (remedy,), home, arrived if arrived != home else str(other.device), call)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def silent_device(context: Context) -> Finding | None:
    """Recognise weights on the meta device with images on another, where torch does not always raise."""
    first = next((weight for weight in context.model.parameters() if weight.is_floating_point()), None)
    if first is not None and first.is_meta:
        return None  # the images are there too
    calls = (call for call in context.run.calls if _uses_meta_weights(context, call))
    return next((found for call in calls if (found := wrong_device(context, call))), None)


def _uses_meta_weights(context: Context, call: Call) -> bool:
    """Return whether a call uses parameters or buffers of the network that are on the meta device."""
    own = {id(weight) for weight in context.model.parameters() if weight.is_meta}
    # A dry run uses copies of the buffers, which are recognised by shape and dtype.
    buffers = {(buffer.shape, buffer.dtype) for buffer in context.model.buffers() if buffer.is_meta}
    used = (tensor for call in call.functions if call.name not in _ACROSS_DEVICES for tensor in call.tensors)
    return any(tensor.is_meta and (id(tensor) in own or (tensor.shape, tensor.dtype) in buffers) for tensor in used)

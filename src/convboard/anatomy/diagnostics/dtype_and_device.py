"""Numbers that do not go together: of another type, or on another device."""

import torch
from torch import nn

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.unregistered import REGISTER, unregistered
from convboard.anatomy.trace import Call

_COMPLAINTS = ("type", "not implemented for")  # what torch's own messages have in common
# Torch indexes and copies across devices on purpose: what does so is no mistake.
_CROSSING = frozenset(["getitem", "setitem", "copy", "to", "type_as", "take", "gather", "scatter"]) | frozenset(
    ["index_select", "index_add", "index_copy", "index_fill", "index_put", "index", "masked_select", "masked_fill"]
)
_METHODS = {  # torch's names for making numbers of a type
    torch.int64: "long",
    torch.int32: "int",
    torch.uint8: "byte",
    torch.float16: "half",
    torch.float64: "double",
}


def wrong_dtype(case: Case, call: Call) -> Finding | None:
    """Weights in another type than what they meet, such as those after .half(), or images made whole numbers."""
    if not any(complaint in str(case.run.error) for complaint in _COMPLAINTS):
        return None
    tensors = [tensor for function in call.functions for tensor in function.tensors]
    weights = [tensor for tensor in tensors if isinstance(tensor, nn.Parameter)]
    odd = next((tensor for tensor in weights if tensor.dtype != torch.float32), None)
    given = tensors[0].dtype if tensors else torch.float32
    if odd is not None and odd.dtype != given:
        return _odd_weights(case, call, _name(odd.dtype), _name(given))
    if not given.is_floating_point:
        wanted = _name(weights[0].dtype) if weights else "numbers with a fraction"
        reason = f"{case.title(call)} gets whole numbers ({_name(given)}) and wants {wanted}."
        cure = f"give it x.float(){_maker(case, call, given)}"
        return Finding("dtype", reason, (cure,), wanted, _name(given), call)
    if weights and weights[0].dtype != given:
        reason = f"{case.title(call)} gets {_name(given)} but has weights in {_name(weights[0].dtype)}."
        cure = f"give it x.float(){_maker(case, call, given)}"
        return Finding("dtype", reason, (cure,), _name(weights[0].dtype), _name(given), call)
    return None


def _odd_weights(case: Case, call: Call, held: str, given: str) -> Finding:
    reason = f"{case.title(call)} has weights in {held}, which do not go with the {given} of what it gets."
    cure = (
        "leave out .half(), .double(), .to(...) or dtype=...: weights are trained in float32, and "
        "trainer.precision=bf16 computes faster with them"
    )
    return Finding("dtype", reason, (cure,), held, given, call)


def _maker(case: Case, call: Call, given: torch.dtype) -> str:
    """Where the odd type comes from, if a call or the forward itself has made it."""
    word = _METHODS.get(given)
    before = case.before(call)
    if before is not None and before.type == word:
        return f", or leave out the .{word}() in forward"
    return f", or leave out what makes it {_name(given)}, such as .{word}()" if word else ""


def wrong_device(case: Case, call: Call) -> Finding | None:
    """Tensors on several devices in one operation."""
    tensors = [tensor for function in call.functions for tensor in function.tensors if tensor.ndim]
    devices = list(dict.fromkeys(str(tensor.device) for tensor in tensors))
    if len(devices) < 2:
        return None
    home = str(next(case.model.parameters()).device) if next(case.model.parameters(), None) is not None else devices[0]
    arrived = str(tensors[0].device)
    odd = next(tensor for tensor in tensors if str(tensor.device) != home) if home in devices else tensors[-1]
    stranger = unregistered(case, tensors)
    reason = f"{case.title(call)} meets tensors on {' and '.join(devices)}: "
    names = {id(weight): name for name, weight in case.model.named_parameters()}
    if stranger is not None:
        reason += f"a weight on {stranger.device} is none of the network's parameters, so it is not moved with them."
        cure = REGISTER
    elif id(odd) in names:
        reason += f"its {names[id(odd)]} lies on {odd.device}, the network's first weight on {home}."
        cure = "leave out .to(...), .cuda() and device=... in the network: the whole of it is moved at once"
    else:
        reason += f"a tensor made in forward lies on {odd.device}."
        cure = "make it where the images are, with device=x.device, or register it with self.register_buffer"
    return Finding("device", reason, (cure,), home, arrived if arrived != home else str(odd.device), call)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def silent_device(case: Case) -> Finding | None:
    """Weights on the meta device under images elsewhere, over which torch does not always stumble."""
    first = next((weight for weight in case.model.parameters() if weight.is_floating_point()), None)
    if first is not None and first.is_meta:
        return None  # the images lie there too
    suspects = (call for call in case.run.calls if _uses_meta_weights(case, call))
    return next((found for call in suspects if (found := wrong_device(case, call))), None)


def _uses_meta_weights(case: Case, call: Call) -> bool:
    """Whether a call computes with parameters or buffers of the network that lie on the meta device."""
    own = {id(weight) for weight in case.model.parameters() if weight.is_meta}
    # A dry run is given copies of the buffers: these are told by their shape and type.
    buffers = {(buffer.shape, buffer.dtype) for buffer in case.model.buffers() if buffer.is_meta}
    used = (tensor for call in call.functions if call.name not in _CROSSING for tensor in call.tensors)
    return any(tensor.is_meta and (id(tensor) in own or (tensor.shape, tensor.dtype) in buffers) for tensor in used)

"""A tree of Python values as JSON and named tensors, and back.

torch.save uses pickle, which can execute code when it is read. safetensors stores only a flat dict of tensors.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class StatePacker:
    """Conversion of a tree of Python values to strict JSON, which collects the tensors in it.

    A value that JSON lacks becomes an object with one key: `{"$tensor": name}`, `{"$tuple": [...]}`,
    `{"$float": "nan"}`, `{"$bytes": name}` with the name of a uint8 tensor, and `{"$dict": [[key, value], ...]}` for a
    dict whose keys are not all plain strings.

    Attributes:
        tensors: The tensors by name, in their own shapes, contiguous and on the CPU.
        strides: Strides in elements by name, only of the tensors that were not contiguous.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    strides: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _names: dict[tuple[object, ...], str] = field(default_factory=dict)
    _storages: set[int] = field(default_factory=set)

    def pack(self, value: Any, place: str) -> Any:
        """Return `value` as JSON.

        Args:
            value: A tree of dicts, lists and tuples, whose leaves are tensors of any shape or JSON-like values.
            place: Its path in the checkpoint, such as `optimizer/state/0`.

        Raises:
            TypeError: It contains an object that is neither a tensor nor JSON-like.
        """
        match value:
            case Tensor():
                return {"$tensor": self._pack_tensor(value.detach(), place)}
            case float() if not math.isfinite(value):
                return {"$float": str(value)}
            case bytes():
                return {"$bytes": self._pack_tensor(torch.tensor(list(value), dtype=torch.uint8), place)}
            case None | bool() | int() | float() | str():
                return value
            case tuple():
                return {"$tuple": self._pack_items(value, place)}
            case list():
                return self._pack_items(value, place)
            case dict():
                items = [[self.pack(key, place), self.pack(value[key], f"{place}/{key}")] for key in value]
                plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
                return dict(items) if plain else {"$dict": items}
        raise TypeError(f"{place} is a {type(value).__qualname__}, which a checkpoint cannot hold: {value!r}")

    def _pack_items(self, values: list[Any] | tuple[Any, ...], place: str) -> list[Any]:
        return [self.pack(value, f"{place}/{index}") for index, value in enumerate(values)]

    def _pack_tensor(self, tensor: Tensor, place: str) -> str:
        if tensor.layout is not torch.strided:
            raise TypeError(f"{place} is a sparse tensor, which a checkpoint cannot hold")
        # Tied weights are one tensor under two names: it is stored once, and the second name refers to the first.
        memory = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        if tensor.numel() > 0 and memory in self._names:
            return self._names[memory]
        name = place.replace("optimizer/state/", "optimizer/", 1)
        while name in self.tensors:  # keys with a slash can give the same path
            name += "'"
        self._names[memory] = name
        # safetensors refuses tensors that share memory: further views of the same storage are copied.
        storage = tensor.untyped_storage().data_ptr()
        self.tensors[name] = tensor.to("cpu", copy=storage in self._storages).contiguous()
        self._storages.add(storage)
        # A momentum in channels_last must be restored in it: otherwise the optimizer would be slower, and would round
        # differently. `empty_like` has the strides of a copy of the tensor.
        strides = torch.empty_like(tensor, device="meta").stride()
        if strides != torch.empty(tensor.shape, device="meta").stride():
            self.strides[name] = strides
        return name


def unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the value from which `StatePacker.pack` made JSON.

    Args:
        value: The JSON that `pack` returned.
        tensors: The tensors by name, in their original shapes and strides.
    """
    match value:
        case {"$tensor": name}:
            return tensors[name]
        case {"$bytes": name}:
            return bytes(tensors[name].tolist())
        case {"$float": text}:
            return float(text)
        case {"$tuple": items}:
            return tuple(unpack(item, tensors) for item in items)
        case {"$dict": items}:
            return {unpack(key, tensors): unpack(item, tensors) for key, item in items}
        case dict():
            return {key: unpack(item, tensors) for key, item in value.items()}
        case list():
            return [unpack(item, tensors) for item in value]
        case _:
            return value

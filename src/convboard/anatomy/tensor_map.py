"""A map from the tensors of a run to values."""

from collections.abc import Iterator
from functools import partial
from typing import Generic, TypeVar
from weakref import ref

from torch import Tensor

Value = TypeVar("Value")


class TensorMap(Generic[Value]):
    """A value for each tensor, by identity.

    The tensors are held by weak references, so that a run needs no more memory than without the map: a tensor that is
    no longer used leaves the map, before its id can be used again.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[Tensor], Value]] = {}

    def __setitem__(self, tensor: Tensor, value: Value) -> None:
        key = id(tensor)
        entry = self._entries.get(key)
        self._entries[key] = (entry[0] if entry else ref(tensor, partial(self._drop, key)), value)

    def __contains__(self, tensor: Tensor) -> bool:
        return id(tensor) in self._entries

    def get(self, tensor: object) -> Value | None:
        """Return the value of a tensor; None if it has none."""
        entry = self._entries.get(id(tensor))
        return entry[1] if entry else None

    def remove(self, tensor: Tensor) -> None:
        """Remove a tensor, if it is in the map."""
        self._entries.pop(id(tensor), None)

    def _drop(self, key: int, _reference: object) -> None:
        self._entries.pop(key, None)


class StorageMap(TensorMap[Value]):
    """A map that also finds the tensors that share memory, which takes longer."""

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, int] = {}  # id of a tensor to the address of its storage
        self._by_storage: dict[int, set[int]] = {}  # and the reverse

    def __setitem__(self, tensor: Tensor, value: Value) -> None:
        super().__setitem__(tensor, value)
        storage = _storage(tensor)
        self._storages.setdefault(id(tensor), storage)
        self._by_storage.setdefault(storage, set()).add(id(tensor))

    def sharing(self, tensor: Tensor) -> Iterator[Tensor]:
        """Yield the tensors in the map that are views of the same memory, this one among them."""
        for key in list(self._by_storage.get(_storage(tensor), ())):
            found = self._entries[key][0]() if key in self._entries else None
            if found is not None and _storage(found) == _storage(tensor):
                yield found

    def _drop(self, key: int, reference: object) -> None:
        super()._drop(key, reference)
        storage = self._storages.pop(key)
        keys = self._by_storage.get(storage)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._by_storage[storage]


def _storage(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, ValueError):  # a tensor without memory of its own, such as a sparse or a lazy one
        return id(tensor)

"""Trees of values as strict JSON and tensors; `test_checkpoint` has them in files."""

import json
import math
from typing import Any

import pytest
import torch

from convboard.training.serialization import StatePacker, unpack


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        ({"a": [1, 2.5, None, True, "x"]}, {"a": [1, 2.5, None, True, "x"]}),
        ((1, (2,)), {"$tuple": [1, {"$tuple": [2]}]}),
        ([math.inf, -math.inf], [{"$float": "inf"}, {"$float": "-inf"}]),
        ({1: "a", "b": 2}, {"$dict": [[1, "a"], ["b", 2]]}),
        ({"$tuple": [1]}, {"$dict": [["$tuple", [1]]]}),  # is no tuple when it comes back
        ({(0, 1): {}}, {"$dict": [[{"$tuple": [0, 1]}, {}]]}),
    ],
)
def test_what_json_lacks_becomes_an_object_of_one_key(value: Any, packed: Any) -> None:
    packer = StatePacker()
    assert packer.pack(value, "state") == packed
    assert unpack(json.loads(json.dumps(packed, allow_nan=False)), {}) == value
    assert not packer.tensors


def test_nan_comes_back() -> None:
    packed = StatePacker().pack(math.nan, "state")
    assert packed == {"$float": "nan"}
    assert math.isnan(unpack(packed, {}))


def test_tensors_have_the_name_of_their_place() -> None:
    packer = StatePacker()
    momentum = torch.ones(2)
    packed = packer.pack({"state": {0: {"momentum": momentum}}, "more": [torch.zeros(1)]}, "optimizer")
    assert list(packer.tensors) == ["optimizer/0/momentum", "optimizer/more/0"]
    restored = unpack(packed, packer.tensors)
    assert restored["state"][0]["momentum"] is packer.tensors["optimizer/0/momentum"]


def test_two_tensors_of_one_place_have_two_names() -> None:
    packer = StatePacker()
    packed = packer.pack({"a": {"b/c": torch.zeros(1)}, "a/b": {"c": torch.ones(1)}}, "model")
    assert list(packer.tensors) == ["model/a/b/c", "model/a/b/c'"]
    assert unpack(packed, packer.tensors)["a/b"]["c"].item() == 1


def test_a_tensor_that_is_there_twice_is_kept_once_and_a_view_of_it_is_copied() -> None:
    packer = StatePacker()
    weight = torch.arange(6.0)
    packed = packer.pack([weight, weight, weight[:3]], "model")
    assert packed == [{"$tensor": "model/0"}, {"$tensor": "model/0"}, {"$tensor": "model/2"}]
    kept, view = packer.tensors.values()
    assert torch.equal(view, weight[:3])
    assert kept.untyped_storage().data_ptr() != view.untyped_storage().data_ptr()


def test_memory_formats_are_noted_and_the_tensors_are_contiguous() -> None:
    packer = StatePacker()
    last = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    packer.pack({"plain": torch.randn(2, 3), "last": last}, "model")
    assert packer.strides == {"model/last": last.stride()}
    assert all(tensor.is_contiguous() for tensor in packer.tensors.values())


def test_what_is_neither_a_tensor_nor_json_is_named_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"^state/a/1 is a set, which a checkpoint cannot hold: \{1\}$"):
        StatePacker().pack({"a": [0, {1}]}, "state")

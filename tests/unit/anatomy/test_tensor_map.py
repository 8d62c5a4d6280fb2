import torch

from convboard.anatomy.tensor_map import StorageMap, TensorMap


def test_a_tensor_that_is_no_longer_used_leaves_the_map() -> None:
    values: TensorMap[str] = TensorMap()
    kept, lost = torch.zeros(3), torch.zeros(3)
    values[kept], values[lost] = "kept", "lost"
    key = id(lost)
    del lost
    assert values.get(kept) == "kept"
    assert key not in values._entries


def test_views_share_memory_with_their_base_alone() -> None:
    values: StorageMap[int] = StorageMap()
    base, other = torch.zeros(4, 4), torch.zeros(4, 4)
    view = base[1:]
    for number, tensor in enumerate((base, view, other)):
        values[tensor] = number
    assert {values.get(tensor) for tensor in values.sharing(view)} == {0, 1}
    values.remove(view)
    assert view not in values

import numpy as np
import pytest
import torch

from convboard.config.memory_errors import explain_memory


def allocate_on_cpu() -> object:
    return torch.empty(10**15)


def allocate_by_numpy() -> object:
    return np.empty(10**17)


@pytest.mark.parametrize(
    ("allocate", "needed"),
    [
        (allocate_on_cpu, "4,000,000.0 GB are needed at once"),
        (allocate_by_numpy, "PiB are needed at once"),
        (lambda: torch.empty(10**12, 10**12), "more is needed than can be addressed"),
        (lambda: torch.zeros(2**40, 2**40), "more is needed than can be addressed"),
        (lambda: np.empty((2**40, 2**40)), "more is needed than can be addressed"),
    ],
)
def test_the_size_is_named(allocate: object, needed: str) -> None:
    assert callable(allocate)
    with pytest.raises((RuntimeError, MemoryError, ValueError)) as caught:
        allocate()
    assert needed in str(explain_memory(caught.value))


def test_a_gpu_and_python_itself() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of ...")
    assert "memory: 20.00 GiB are needed at once, and this machine has" in str(explain_memory(error))
    assert "memory: none is left, and" in str(explain_memory(MemoryError()))


def test_another_error_is_none() -> None:
    assert explain_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None

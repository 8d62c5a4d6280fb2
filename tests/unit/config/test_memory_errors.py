import numpy as np
import pytest
import torch

from command_limits import address_space_of
from convboard.anatomy.system_memory import machine_memory
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


def test_the_limit_is_that_of_the_shell() -> None:
    with address_space_of(machine_memory() - 10**6):
        assert "none is left, and this process may address " in str(explain_memory(MemoryError()))


def test_a_library_that_has_no_room() -> None:
    error = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    assert "not enough memory: libtorch_cpu.so cannot be loaded, and this" in str(explain_memory(error))
    assert explain_memory(ImportError("libtorch_cpu.so: cannot open shared object file")) is None


def test_another_error_is_none() -> None:
    assert explain_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None

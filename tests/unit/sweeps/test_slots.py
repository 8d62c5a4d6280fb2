"""Places for trials: the GPUs that may be used, each with its own; else the cores."""

from pathlib import Path

import pytest

from convboard.errors import ConfigError
from convboard.sweeps import slots as module
from convboard.sweeps.slots import Slot, device_type, gpus, may_have_gpus, slots, threads_of


def list_gpus(folder: Path, *lines: str) -> None:
    """Make an `nvidia-smi` that prints these lines, if it is asked with -L."""
    command = folder / "nvidia-smi"
    command.write_text('#!/bin/sh\n[ "$*" = -L ] && cat <<END\n' + "".join(f"{line}\n" for line in lines) + "END\n")
    command.chmod(0o755)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with two GPUs, eight cores and torch for CUDA."""
    list_gpus(tmp_path, "GPU 0: NVIDIA H200 (UUID: GPU-aa)", "GPU 1: NVIDIA H200 (UUID: GPU-bb)")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(module, "version", lambda _: "2.11.0+cu130")
    monkeypatch.setattr(module, "core_count", lambda: 8)


def devices(places: list[Slot]) -> list[str]:
    return [place.environment["CUDA_VISIBLE_DEVICES"] for place in places]


def test_one_trial_on_each_gpu() -> None:
    assert devices(slots(None, None, {"auto"})) == ["GPU-aa", "GPU-bb"]
    assert devices(slots(None, 2, {"cuda"})) == ["GPU-aa", "GPU-bb", "GPU-aa", "GPU-bb"]
    assert devices(slots(3, None, {"auto"})) == ["GPU-aa", "GPU-bb", "GPU-aa"]
    assert threads_of(slots(None, None, {"auto"})) is None


def test_only_gpus_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, ids in (
        ("3,5", ["3", "5"]),
        (" 1, GPU-aa", ["1", "GPU-aa"]),
        ("MIG-11,MIG-GPU-aa/1/0", ["MIG-11", "MIG-GPU-aa/1/0"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),  # as CUDA reads it
        ("NoDevFiles", []),  # of Slurm
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert gpus() == ids


def test_the_instances_of_a_divided_gpu(tmp_path: Path) -> None:
    list_gpus(
        tmp_path,
        "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aa)",
        "  MIG 3g.20gb Device 0: (UUID: MIG-11)",
        "  MIG 3g.20gb Device 1: (UUID: MIG-GPU-aa/2/0)",
        "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bb)",
    )
    assert devices(slots(None, None, {"auto"})) == ["MIG-11", "MIG-GPU-aa/2/0", "GPU-bb"]


def test_without_a_gpu_the_cores_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slots(None, None, {"cpu"}) == [Slot()] * 8
    monkeypatch.setattr(module, "version", lambda _: "2.11.0+cpu")
    assert slots(None, None, {"auto"}) == [Slot()] * 8
    assert [threads_of(slots(workers, None, {"auto"})) for workers in (None, 4, 3, 16)] == [1, 2, 2, 1]
    assert not may_have_gpus()
    with pytest.raises(ConfigError, match=r"^sweep.per_gpu=2: there is no GPU here"):
        slots(None, 2, {"auto"})


def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert gpus() == []


def test_where_there_is_no_nvidia_smi_torch_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    found = ("cpu", 1)
    monkeypatch.setattr(module, "may_have_gpus", lambda: True)
    monkeypatch.setattr(module, "result_of", lambda _: found)
    monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)
    assert slots(None, None, {"auto"}) == [Slot()] * 8
    found = ("cuda", 2)
    assert devices(slots(None, None, {"auto"})) == ["0", "1"]
    assert slots(None, None, {"mps"}) == [Slot()] * 8
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "3,5")
    assert devices(slots(3, None, {"cuda"})) == ["3", "5", "3"]
    found = ("mps", 1)
    assert len(slots(None, None, {"auto"})) == 1
    assert (device_type({"auto"}), device_type({"cpu"})) == ("mps", "cpu")
    assert threads_of(slots(None, None, {"mps"})) is None
    assert slots(None, None, {"cpu"}) == [Slot()] * 8

"""Memory as a user in a container meets it, on trees of files as the kernel shows them."""

import resource
from pathlib import Path

import pytest

from command_limits import address_space_of
from convboard.anatomy.system_memory import available_memory, machine_memory, total_memory

GB = 10**9
UNLIMITED_V1 = "9223372036854771712"


def write(root: Path, files: dict[str, object]) -> Path:
    meminfo = "MemTotal: 64000000 kB\nMemAvailable:   3000000 kB"
    for name, content in {"proc/meminfo": meminfo, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root


def group(folder: str, most: object, used: int, inactive: int = 0, high: object = "max") -> dict[str, object]:
    """The files of a control group of version 2."""
    return {
        f"sys/fs/cgroup/{folder}memory.max": most,
        f"sys/fs/cgroup/{folder}memory.high": high,
        f"sys/fs/cgroup/{folder}memory.current": used,
        f"sys/fs/cgroup/{folder}memory.stat": f"anon 5\ninactive_file {inactive}\nactive_file 3",
    }


def group_1(folder: str, most: object, used: int, inactive: int) -> dict[str, object]:
    """The files of a control group of version 1."""
    return {
        f"sys/fs/cgroup/memory/{folder}memory.limit_in_bytes": most,
        f"sys/fs/cgroup/memory/{folder}memory.usage_in_bytes": used,
        f"sys/fs/cgroup/memory/{folder}memory.stat": f"inactive_file 1\ntotal_inactive_file {inactive}",
    }


V1 = "7:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/"


@pytest.mark.parametrize(
    ("files", "total", "available"),
    [
        ({"proc/self/cgroup": "0::/", **group("", 2 * GB, GB, GB // 4)}, 2 * GB, 1.25 * GB),  # Docker
        ({"proc/self/cgroup": "0::/", **group("", 2 * GB, GB, high=GB + 5)}, GB + 5, 5),
        (
            {"proc/self/cgroup": "0::/job/step", **group("job/", GB, GB // 2), **group("job/step/", "max", 7)},
            GB,
            GB // 2,
        ),
        ({"proc/self/cgroup": "0::/a", **group("a/", GB, 2 * GB)}, GB, 0),
        ({"proc/self/cgroup": V1, **group_1("", GB, GB // 2, GB // 4)}, GB, 0.75 * GB),  # Docker, named from outside
        ({"proc/self/cgroup": V1, **group_1("docker/abc/", GB, 0, 0), **group_1("", UNLIMITED_V1, 9, 0)}, GB, GB),
    ],
)
def test_the_limit_of_a_control_group(files: dict[str, object], total: float, available: float, tmp_path: Path) -> None:
    root = write(tmp_path, files)
    assert (total_memory(root), available_memory(root)) == (total, available)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/"},
        {"proc/self/cgroup": "0::/", **group("", "max", GB)},
        {"proc/self/cgroup": V1, **group_1("", UNLIMITED_V1, GB, 0)},
        {"proc/self/cgroup": "1:name=systemd:/\nnonsense", "sys/fs/cgroup/memory.max": "1"},
    ],
)
def test_no_limit(files: dict[str, object], tmp_path: Path) -> None:
    root = write(tmp_path, files)
    assert total_memory(root) == machine_memory()
    assert available_memory(root) == 3_000_000 * 1024


def test_the_limit_of_the_address_space(tmp_path: Path) -> None:
    pages = 2 * GB // resource.getpagesize()
    limit = machine_memory() - 10_000
    root = write(tmp_path, {"proc/self/statm": f"{pages} 5 5", "proc/meminfo": "MemAvailable: 900000000000 kB"})
    with address_space_of(limit):
        assert total_memory(root) == limit
        assert available_memory(root) == limit - pages * resource.getpagesize()
    with address_space_of(2 * machine_memory()):
        assert total_memory(root) == machine_memory()


def test_a_system_without_these_files(tmp_path: Path) -> None:
    assert total_memory(tmp_path) == available_memory(tmp_path) == machine_memory()

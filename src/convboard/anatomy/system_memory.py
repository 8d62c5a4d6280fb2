"""The memory that this process may use: that of the machine, or what its control group or `ulimit -v` allows.

A container and a job of a cluster are control groups. See https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from convboard.anatomy.control_group import group_folders

_ROOT = Path("/")


class _Version(NamedTuple):
    """Names in a version of control groups: limits, bytes in use, and those of files, which the system gives up."""

    limits: tuple[str, ...]
    used: str
    inactive: str


_V2 = _Version(("memory.max", "memory.high"), "memory.current", "inactive_file")
_V1 = _Version(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")


def machine_memory() -> int:
    """Return the memory of this machine, in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def address_space() -> float:
    """Return the bytes that this process may address, as `ulimit -v` sets them; infinity without a limit.

    Everything that is mapped counts, libraries and files too.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def total_memory(root: Path = _ROOT) -> int:
    """Return the memory that this process and the others in its control group may use together, in bytes.

    Args:
        root: The folder that holds `proc` and `sys`; another one in tests.
    """
    return int(min([machine_memory(), address_space(), *(limit for limit, _ in _limits(root))]))


def available_memory(root: Path = _ROOT) -> int:
    """Return the memory that this process can still get, in bytes.

    Args:
        root: See `total_memory`.
    """
    available = machine_memory()
    with suppress(OSError, KeyError, ValueError):  # not Linux, or not as expected
        sizes = dict(line.split(":") for line in (root / "proc/meminfo").read_text().splitlines())
        available = int(sizes["MemAvailable"].split()[0]) * 1024
    left = address_space()
    with suppress(OSError, ValueError):
        left -= int((root / "proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return int(max(0, min([available, left, *(limit - used for limit, used in _limits(root))])))


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Yield the limit and the bytes in use of the control group of this process, and of those that it is part of."""
    for folder, is_v2 in group_folders("memory", root):
        yield from _limit(folder, _V2 if is_v2 else _V1)


def _limit(folder: Path, version: _Version) -> Iterator[tuple[int, int]]:
    for name in version.limits:
        with suppress(OSError, KeyError, ValueError):  # it has none ("max"), or is not there
            limit, used = (int((folder / file).read_text()) for file in (name, version.used))
            fields = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            yield limit, used - int(fields[version.inactive])

"""The control groups of this process, such as that of a container or of a cluster's job, and the cores they allow.

See https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/scheduler/sched-bwc.html.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")


def group_folders(controller: str, root: Path = _ROOT) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of the control group of this process and of those that it is part of.

    Args:
        controller: What the groups limit: `memory` or `cpu`.
        root: The folder that holds `proc` and `sys`; another one in tests.

    Yields:
        A folder, and whether its files are those of version 2 of control groups.
    """
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, _, rest = line.partition(":")
            controllers, _, group = rest.partition(":")
            if not controllers or controller in controllers.split(","):
                top = root / "sys/fs/cgroup" / (controller if controllers else "")
                # Within a container, the group can be named as the machine sees it, and be mounted as the top.
                place = top / group.strip("/")
                for folder in (place, *place.parents):
                    if folder.is_relative_to(top):
                        yield folder, not controllers


def core_quota(root: Path = _ROOT) -> float:
    """Return the number of cores whose time the control groups of this process allow; infinity without a limit.

    Args:
        root: See `group_folders`.
    """
    quotas = [float("inf")]
    for folder, is_v2 in group_folders("cpu", root):
        with suppress(OSError, ValueError, ZeroDivisionError):  # it has none ("max"), or is not there
            if is_v2:
                quota, period = map(int, (folder / "cpu.max").read_text().split())
            else:
                quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
            if quota > 0:  # -1 in version 1: no limit
                quotas.append(quota / period)
    return min(quotas)

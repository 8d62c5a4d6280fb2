"""Heartbeats: what the processes of a run tell each other through torchrun's store while they train."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from torch.distributed.distributed_c10d import Store

_LATER = 2  # seconds by which a waiting process reports later than the one it waits for


class Activity(NamedTuple):
    """An activity of the main thread.

    Attributes:
        name: Its name, for the message.
        number: Its number among the activities of the process.
        since: `Watchdog.now` at its start, or at the start of waiting.
        limit: Time limit in seconds.
        waits: Whether the thread only waits for the other processes.
    """

    name: str
    number: int
    since: float
    limit: float
    waits: bool = False


class Heartbeat(NamedTuple):
    """The last heartbeat of another process.

    Attributes:
        content: The content of the heartbeat; see `Heartbeats.send`.
        at: `Watchdog.now` when it was read.
        check: Number of the check that read it.
    """

    content: dict[str, Any]
    at: float
    check: int

    @property
    def process(self) -> str:
        """The process, such as `process 4711 on host`."""
        return f"process {self.content['pid']} on {self.content['host']}"

    @property
    def is_from_this_machine(self) -> bool:
        """Whether its process id is one of this machine, or of this container."""
        own = _own_process()
        return all(self.content[key] == own[key] for key in ("host", "pid_space"))


class Heartbeats:
    """The heartbeats of the processes of a run.

    Args:
        store: A connection to the store.
        rank: Number of this process.
        world_size: Number of processes.

    Attributes:
        others: Numbers of the other processes.
    """

    def __init__(self, store: Store, rank: int, world_size: int) -> None:
        self._store = store
        self._rank = rank
        self.others = [other for other in range(world_size) if other != rank]
        self._latest: dict[int, Heartbeat] = {}

    @property
    def latest(self) -> Mapping[int, Heartbeat]:
        """The last heartbeat of each other process that has sent one; a copy, for any thread."""
        return self._latest.copy()

    def send(self, count: int, activity: Activity | None) -> None:
        """Write this process and its activity to the store.

        Args:
            count: Makes each heartbeat different.
            activity: The activity of the main thread; None while it has no time limit.
        """
        state = None if activity is None else [activity.number, activity.waits]
        content = {"count": count, **_own_process(), "activity": state}
        self._store.set(_key(self._rank), json.dumps(content))

    def read(self, now: float, check: int) -> None:
        """Read those of the other processes.

        Args:
            now: `Watchdog.now`.
            check: Number of this check.
        """
        for rank in self.others:
            if rank in self._latest or self._store.check([_key(rank)]):
                content = json.loads(self._store.get(_key(rank)))
                if rank not in self._latest or self._latest[rank].content != content:
                    self._latest[rank] = Heartbeat(content, now, check)


def no_progress(activity: Activity | None, others: Sequence[Sequence[int] | None], now: float) -> str | None:
    """Return a description of how this process blocks the others, or None if it does not.

    Args:
        activity: The activity of this process.
        others: For each other process, the number of its activity and whether it waits; None if it has no activity.
        now: Present value of `Watchdog.now`.
    """
    if activity is None or now < activity.since + activity.limit:
        return None
    seconds = now - activity.since
    if not activity.waits:
        if all(other is None or other[0] >= activity.number for other in others):
            return f"no progress in {activity.name} for {seconds:.0f} s, at"
    elif seconds > activity.limit + _LATER and all(other is not None and other[1] for other in others):
        return f"all processes wait for each other in {activity.name} for {seconds:.0f} s, at"
    return None


def _key(rank: int) -> str:
    return f"convboard/heartbeat/{rank}"


def _own_process() -> dict[str, str | int]:
    """Return host, process id and its namespace: containers may share a host name, but not the namespace."""
    pid_space = ""
    with suppress(OSError):
        pid_space = str(Path("/proc/self/ns/pid").readlink())
    return {"host": socket.gethostname(), "pid_space": pid_space, "pid": os.getpid()}

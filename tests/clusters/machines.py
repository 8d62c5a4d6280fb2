"""Machines for the tests, which are parts of this one.

Each has a host name, process ids, a `/proc` and a `/dev/shm` of its own (namespaces of Linux), as another machine has.
They share the files, as machines with a common folder do, and the network: a machine listens on an address of loopback.
"""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil

WAIT_SECONDS = 120  # most of which a machine that is busy with other tests may need
# The first process of a machine is a shell that waits for a daemon, since it has to reap what others leave behind.
_FIRST_PROCESS = 'mount -t tmpfs tmpfs /dev/shm && hostname "$0" && eval "$1" && shift && "$@"; exit $?'
_NAMESPACES = ("unshare", "--uts", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child")


def missing(programs: Mapping[str, str]) -> str:
    """Why there can be no machines on which these programs run; empty if there can.

    Args:
        programs: Programs that they need, each with how to get it.
    """
    for program, advice in {**programs, "unshare": "apt-get install util-linux"}.items():
        if which(program) is None:
            return f"{program} is missing. Get it with `{advice}`."
    return "" if os.geteuid() == 0 else "Simulated machines need root."


def which(program: str) -> str | None:
    """The path of a program, also of those that Debian keeps for root."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


class Machine:
    """A machine that runs one daemon, and what that starts. All of it ends with this thread, even if that is killed.

    Args:
        name: Its host name.
        daemon: The command line of the daemon, which stays in the foreground.
        log: The file that gets its output.
        environment: The environment variables of the daemon.
        setup: Shell commands that it runs before. What they mount is seen by this machine alone.
    """

    def __init__(
        self, name: str, daemon: list[str], log: Path, environment: Mapping[str, str], setup: str = "true"
    ) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *_NAMESPACES, "sh", "-c", _FIRST_PROCESS, name, setup, *daemon],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait_until(self, is_so: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait for what its daemon does. If that ends, or takes too long, its output is shown."""
        gives_up = time.monotonic() + seconds
        while not is_so():
            assert self._process.poll() is None, f"{self.name} has ended:\n{self.output()}"
            assert time.monotonic() < gives_up, f"{self.name}:\n{self.output()}"
            time.sleep(0.05)

    def output(self) -> str:
        """What its daemon has printed so far."""
        return self._log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Its processes, the daemon first. Outside of it they have other ids."""
        return self._inside()[1:]

    def terminate(self, seconds: float = WAIT_SECONDS) -> None:
        """Ask its daemon to end, by SIGTERM, and wait until it has."""
        self.processes()[0].terminate()
        self._process.wait(seconds)

    def kill(self) -> None:
        """End all of its processes at once, as when its power fails."""
        if self._process.poll() is None:
            for first in self._inside()[:1]:
                first.kill()  # the kernel kills all others with it
        self._process.wait(WAIT_SECONDS)

    def _inside(self) -> list[psutil.Process]:
        """Its processes; those of which the parent has ended are children of the first one."""
        return psutil.Process(self._process.pid).children(recursive=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the system gives away."""
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            port = random.randrange(20_000, 32_000)
            listener = stack.enter_context(socket.socket())
            try:
                listener.bind(("", port))
            except OSError:
                continue
            found.append(port)
    return found

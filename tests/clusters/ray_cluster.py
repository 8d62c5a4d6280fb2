"""A real Ray on this machine, for the tests: two nodes on loopback, which drivers connect to with a token.

It shares nothing with a Ray of the user's. Its nodes are machines of their own, see `clusters.machines`.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil

from clusters import machines
from clusters.machines import Machine, free_ports

_RAY = (sys.executable, "-m", "ray.scripts.scripts")
# A node that is asked to end waits for what runs on it, but not for 30 s. Nothing is reported to Ray's authors, nor are
# the files of `uv run` sent to the nodes. Processes have the same priority as those of the tests.
_ENVIRONMENT = {
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "2",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_worker_niceness": "0",
    "RAY_AUTH_MODE": "token",
}
_OPTIONS = ("--block", "--object-store-memory=80000000", "--include-log-monitor=false", "--disable-usage-stats")


class RayCluster:
    """A Ray of several nodes.

    Args:
        folder: An empty folder for its sockets and logs. Its path is short, as a socket's has to be.
        nodes: Number of nodes: node1, which is the head, node2, ...
        cpus: CPUs of a node, whatever this machine has.
        gpus: GPUs of a node, which nobody can compute with.

    Attributes:
        folder: The same.
        nodes: The names of the nodes.
        address: Where drivers reach it.
        environment: The environment for its drivers.
    """

    def __init__(self, folder: Path, nodes: int, cpus: int, gpus: int) -> None:
        self.folder = folder
        self.nodes = [f"node{number + 1}" for number in range(nodes)]
        self._addresses = {node: f"127.0.2.{number + 1}" for number, node in enumerate(self.nodes)}
        self._port, self._port_of_clients = free_ports(2)
        self.address = f"{self._addresses['node1']}:{self._port}"
        outside = {name: os.environ[name] for name in os.environ if not name.startswith(("RAY_", "CUDA_"))}
        self.environment = {**outside, **_ENVIRONMENT, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._resources = (f"--num-cpus={cpus}", f"--num-gpus={gpus}")
        self._machines: dict[str, Machine] = {}

    def start(self) -> None:
        """Start all nodes, and wait until they are up."""
        head, *others = self.nodes
        self._start(head)
        self._machines[head].wait_until(self._listens)  # long before it is up; a node that is too early waits longer
        for node in others:
            self._start(node)
        for node in self.nodes:
            self._wait_for(node)

    def close(self) -> None:
        """End all processes of all nodes, actors included."""
        for node in list(self._machines):
            self.kill_node(node)

    def start_node(self, node: str) -> None:
        """Start a node, and wait until it is up."""
        self._start(node)
        self._wait_for(node)

    def stop_node(self, node: str) -> None:
        """Let a node end as an administrator does: no actors start on it; those that run have 2 s to leave it."""
        self._machines.pop(node).terminate()

    def kill_node(self, node: str) -> None:
        """End a node with all of its processes at once, as when its power fails."""
        self._machines.pop(node).kill()

    def processes(self, node: str) -> list[psutil.Process]:
        """The processes of a node."""
        return self._machines[node].processes()

    def start_driver(self, code: str) -> "subprocess.Popen[str]":
        """Start a driver: Python code that connects with `ray.init()`."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env={**self.environment, "RAY_ADDRESS": self.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_driver(self, code: str) -> str:
        """What a driver prints, see `start_driver`."""
        with self.start_driver(code) as driver:
            try:
                out, err = driver.communicate(timeout=machines.WAIT_SECONDS)
            finally:
                driver.kill()
        assert driver.returncode == 0, err
        return out

    def _start(self, node: str) -> None:
        clients = f"--ray-client-server-port={self._port_of_clients}"
        head = ("--head", f"--port={self._port}", f"--temp-dir={self.folder}", clients, "--include-dashboard=false")
        role = head if node == self.nodes[0] else (f"--address={self.address}",)
        names = (f"--node-name={node}", f"--node-ip-address={self._addresses[node]}")
        command = [*_RAY, "start", *_OPTIONS, *names, *self._resources, *role]
        self._machines[node] = Machine(node, command, self.folder / f"{node}.log", self.environment)

    def _wait_for(self, node: str) -> None:
        self._machines[node].wait_until(lambda: "Ray runtime started" in self._machines[node].output())

    def _listens(self) -> bool:
        host, _, port = self.address.partition(":")
        with socket.socket() as client:
            return client.connect_ex((host, int(port))) == 0


def missing() -> str:
    """Why there can be no cluster on this machine; empty if there can."""
    if find_spec("ray") is None:
        return "Ray is missing. Get it with `uv sync`."
    return machines.missing({})


@contextmanager
def ray_cluster(nodes: int = 2, cpus: int = 2, gpus: int = 2) -> Iterator[RayCluster]:
    """A running cluster, which ends with the context; see `RayCluster`."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, ExitStack() as stack:
        cluster = RayCluster(Path(folder), nodes, cpus, gpus)
        stack.callback(cluster.close)
        cluster.start()
        yield cluster

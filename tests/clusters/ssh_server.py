"""Hosts that ssh reaches without a password, for the tests: a real sshd for each on loopback, with keys of its own."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from pwd import getpwuid

from clusters import machines
from clusters.machines import Machine, free_ports, which

_PROGRAMS = {
    "sshd": "apt-get install openssh-server",
    "ssh": "apt-get install openssh-client",
    "ssh-keygen": "apt-get install openssh-client",
}
# What tests set for their commands, which ssh does not pass on: no network, no GPU, one thread, a cache of their own.
_OF_TESTS = ("XDG_CACHE_HOME", "CONVBOARD_DATA", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "http_proxy", "https_proxy")
_SERVER = """
ListenAddress {address}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PidFile none
Subsystem sftp internal-sftp
{variables}
"""
_CLIENT = """
Host {hosts}
    Port {port}
    User {user}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    BatchMode yes
    LogLevel ERROR
"""
# sshd needs this folder, which Debian creates when it starts its own sshd. Here it exists on the simulated machine.
_SETUP = "mount -t tmpfs tmpfs /run && mkdir /run/sshd"


class SshHosts:
    """Hosts that ssh reaches with the file `config`: `ssh -F config host1 command`.

    Args:
        folder: An empty folder for keys, configuration and logs.
        hosts: Number of hosts: host1, host2, ...

    Attributes:
        config: The configuration file for ssh. No other file of the user's or of the system's is read.
        hosts: The names of the hosts.
    """

    def __init__(self, folder: Path, hosts: int) -> None:
        self.config = folder / "config"
        self.hosts = [f"host{number + 1}" for number in range(hosts)]
        self._folder = folder
        self._addresses = {host: f"127.0.1.{number + 1}" for number, host in enumerate(self.hosts)}
        (self._port,) = free_ports(1)
        self._machines: dict[str, Machine] = {}
        self._write_files()

    def start(self) -> None:
        """Start an sshd for each host, and wait until all listen."""
        for host in self.hosts:
            self.start_host(host)

    def close(self) -> None:
        """End all processes of all hosts."""
        for host in list(self._machines):
            self.kill_host(host)

    def start_host(self, host: str) -> None:
        """Start a host."""
        sshd = which("sshd")
        assert sshd is not None
        daemon = [sshd, "-D", "-e", "-f", f"{self._folder}/{host}.conf"]
        self._machines[host] = Machine(host, daemon, self._folder / f"{host}.log", os.environ, _SETUP)
        self._machines[host].wait_until(lambda: "Server listening" in self._machines[host].output())

    def kill_host(self, host: str) -> None:
        """End a host with all of its processes at once, as when its power fails."""
        self._machines.pop(host).kill()

    def run(self, host: str, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on a host."""
        arguments = ["ssh", "-F", str(self.config), host, command]
        return subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=machines.WAIT_SECONDS
        )

    def _write_files(self) -> None:
        for name in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / name)], check=True)
        given = [f'"{name}={os.environ[name]}"' for name in _OF_TESTS if name in os.environ]
        variables = " ".join(["SetEnv", *given]) if given else ""
        for host, address in self._addresses.items():
            options = {"address": address, "port": self._port, "folder": self._folder, "variables": variables}
            (self._folder / f"{host}.conf").write_text(_SERVER.format(**options))
        key = (self._folder / "host_key.pub").read_text()
        known = (f"[{address}]:{self._port} {key}" for address in self._addresses.values())
        (self._folder / "known_hosts").write_text("".join(known))
        addresses = (f"Host {host}\n    HostName {address}\n" for host, address in self._addresses.items())
        user = getpwuid(os.geteuid()).pw_name
        common = _CLIENT.format(hosts=" ".join(self.hosts), port=self._port, user=user, folder=self._folder)
        self.config.write_text("".join(addresses) + common)


def missing() -> str:
    """Why there can be no hosts on this machine; empty if there can."""
    return machines.missing(_PROGRAMS)


@contextmanager
def ssh_hosts(hosts: int = 2) -> Iterator[SshHosts]:
    """Running hosts, which end with the context; see `SshHosts`."""
    with tempfile.TemporaryDirectory(prefix="ssh-") as folder, ExitStack() as stack:
        running = SshHosts(Path(folder), hosts)
        stack.callback(running.close)
        running.start()
        yield running

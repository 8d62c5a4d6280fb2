"""The hosts of the tests are several machines, as far as ssh can tell, and leave nothing behind."""

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from clusters.ssh_server import SshHosts

pytestmark = pytest.mark.thorough
DESCRIBE = """
import json, os, socket
from convboard.files import machine
print(json.dumps([socket.gethostname(), machine(), os.getcwd(), os.environ.get("XDG_CACHE_HOME")]))
"""


def test_each_host_is_a_machine_of_its_own_that_sees_the_common_folder(ssh: SshHosts, tmp_path: Path) -> None:
    (tmp_path / "describe.py").write_text(DESCRIBE)

    done = [ssh.run(host, f"cd '{tmp_path}' && '{sys.executable}' describe.py") for host in ssh.hosts]

    assert [one.stderr for one in done] == ["", ""]
    hosts, machines, folders, caches = zip(*(json.loads(one.stdout) for one in done))
    assert list(hosts) == ssh.hosts
    assert len(set(machines)) == 2
    assert set(folders) == {str(tmp_path)}
    assert set(caches) == {os.environ["XDG_CACHE_HOME"]}


def test_a_host_that_is_killed_is_refused_until_it_is_started_again(ssh: SshHosts) -> None:
    assert ssh.run("host1", "exit 3").returncode == 3
    ssh.run("host1", "setsid sleep 300 > /dev/null 2>&1 &")
    while not (left := [one for one in psutil.Process().children(recursive=True) if one.name() == "sleep"]):
        time.sleep(0.05)

    ssh.kill_host("host1")
    assert psutil.wait_procs(left, timeout=10)[1] == []
    assert "Connection refused" in ssh.run("host1", "true").stderr
    assert ssh.run("host2", "true").returncode == 0

    ssh.start_host("host1")
    assert ssh.run("host1", "true").returncode == 0


def test_ssh_knows_no_other_hosts_and_asks_for_nothing(ssh: SshHosts) -> None:
    assert "Could not resolve hostname elsewhere" in ssh.run("elsewhere", "true").stderr

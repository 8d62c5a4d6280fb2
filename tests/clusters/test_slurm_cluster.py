"""The Slurm of the tests is a cluster of several machines, as far as jobs can tell, and leaves nothing behind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from clusters.slurm_cluster import SlurmCluster

pytestmark = pytest.mark.thorough
DESCRIBE = """
import json, os, socket
from convboard.files import machine
print(json.dumps([os.environ["SLURMD_NODENAME"], socket.gethostname(), machine(), os.environ["CUDA_VISIBLE_DEVICES"]]))
"""


def test_each_node_is_a_machine_of_its_own_that_sees_the_common_folder(slurm: SlurmCluster, tmp_path: Path) -> None:
    script, job, out = tmp_path / "describe.py", tmp_path / "job.sh", tmp_path / "out.txt"
    script.write_text(DESCRIBE)
    job.write_text(f"#!/bin/bash\nsrun '{sys.executable}' '{script}'\n")

    slurm.wait_for(slurm.submit("--nodes=2", "--gres=gpu:2", f"--output={out}", job), "COMPLETED")

    nodes, hosts, machines, gpus = zip(*sorted(map(json.loads, out.read_text().splitlines())))
    assert list(nodes) == list(hosts) == slurm.nodes
    assert len(set(machines)) == 2
    assert gpus == ("0,1", "0,1")


def test_jobs_outlive_the_controller_and_are_requeued_when_their_node_dies(slurm: SlurmCluster) -> None:
    job = slurm.submit("--nodelist=node2", "--output=/dev/null", "--wrap=sleep 300")
    slurm.wait_for(job, "RUNNING")

    slurm.stop_controller()
    slurm.start_controller()
    assert slurm.states(job) == {"RUNNING"}

    slurm.kill_node("node2")
    assert slurm.states(job) == {"PENDING"}
    slurm.start_node("node2")
    slurm.wait_for(job, "RUNNING")
    assert "Restarts=1" in slurm.run("scontrol", "show", "job", job)


START_AND_WAIT = """
import time
from clusters.slurm_cluster import slurm_cluster
with slurm_cluster(nodes=1) as cluster:
    began = cluster.folder / "began"
    cluster.submit("--output=/dev/null", "--wrap", f"setsid sleep 300 & touch {began}; sleep 300")
    cluster.wait_until(began.exists)
    print(cluster.folder, flush=True)
    time.sleep(300)
"""


@pytest.mark.usefixtures("has_slurm")
def test_no_process_outlives_a_test_that_is_killed() -> None:
    command = [sys.executable, "-c", START_AND_WAIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as test:
        assert test.stdout is not None
        folder = Path(test.stdout.readline().strip())
        processes = psutil.Process(test.pid).children(recursive=True)
        names = {process.name() for process in processes}
        test.kill()

    assert {"slurmctld", "slurmd", "munged", "sleep"} <= names
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    shutil.rmtree(folder)

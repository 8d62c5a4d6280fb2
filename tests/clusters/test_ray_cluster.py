"""The Ray of the tests is a cluster of several machines, as far as actors can tell, and leaves nothing behind."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from clusters.ray_cluster import RayCluster

pytestmark = pytest.mark.thorough
SPREAD = """
import json, os, socket
import ray
from convboard.files import machine

class Actor:
    def describe(self):
        return socket.gethostname(), machine(), os.environ["CUDA_VISIBLE_DEVICES"]

ray.init(log_to_driver=False)
options = {"num_cpus": 1, "num_gpus": 2, "scheduling_strategy": "SPREAD"}
actors = [ray.remote(Actor).options(**options).remote() for _ in range(2)]
print(json.dumps([ray.get(actor.describe.remote()) for actor in actors]))
"""
DETACH = """
import os, time
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

class Actor:
    def __init__(self, folder):
        node = ray.get_runtime_context().get_node_id()
        name = next(one["NodeName"] for one in ray.nodes() if one["NodeID"] == node)
        with open(f"{folder}/{name}", "a") as file:
            file.write(f"{os.getpid()}\\n")

ray.init(namespace="tests", log_to_driver=False)
second = next(node["NodeID"] for node in ray.nodes() if node["NodeName"] == "node2")
options = {"name": "detached", "lifetime": "detached", "max_restarts": -1, "num_cpus": 1}
options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(second, soft=True)
ray.remote(Actor).options(**options).remote(FOLDER)
print(ray.get_actor("detached"), flush=True)
time.sleep(300)
"""
CANCEL = """
import ray

ray.init(namespace="tests", log_to_driver=False)
ray.kill(ray.get_actor("detached"))
print(ray.util.list_named_actors())
"""


def wait_until(is_so: Callable[[], object]) -> None:
    gives_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < gives_up
        time.sleep(0.1)


def test_each_node_is_a_machine_of_its_own(ray: RayCluster) -> None:
    hosts, machines, gpus = zip(*sorted(json.loads(ray.run_driver(SPREAD))))
    assert list(hosts) == ray.nodes
    assert len(set(machines)) == 2
    assert gpus == ("0,1", "0,1")


def test_detached_actors_outlive_their_driver_and_move_when_their_node_dies(ray: RayCluster, tmp_path: Path) -> None:
    with ray.start_driver(DETACH.replace("FOLDER", repr(str(tmp_path)))) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        driver.kill()
    wait_until((tmp_path / "node2").exists)

    ray.kill_node("node2")
    wait_until((tmp_path / "node1").exists)
    ray.start_node("node2")
    assert ray.run_driver(CANCEL) == "[]\n"


START_AND_WAIT = """
import time
from clusters.ray_cluster import ray_cluster
with ray_cluster(nodes=1) as cluster:
    print(cluster.folder, flush=True)
    time.sleep(300)
"""


@pytest.mark.usefixtures("has_ray")
def test_no_process_outlives_a_test_that_is_killed() -> None:
    command = [sys.executable, "-c", START_AND_WAIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as test:
        assert test.stdout is not None
        folder = Path(test.stdout.readline().strip())
        processes = psutil.Process(test.pid).children(recursive=True)
        names = {process.name() for process in processes}
        test.kill()

    assert {"gcs_server", "raylet"} <= names
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    shutil.rmtree(folder)

"""A real Slurm on this machine, for the tests: a controller and several nodes on loopback.

It shares nothing with a Slurm or munge of the system. Each node has a host name, process ids and a `/proc` of its own
(namespaces of Linux), as another machine has, and shares the files: a cluster with a common file system.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from clusters.machines import free_ports

WAIT_SECONDS = 60
# Programs of slurmctld, slurmd, slurm-client, munge and util-linux, Debian's packages.
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "sinfo", "scontrol", "scancel", "munged", "unshare")
DEVICES = ("null", "zero", "full", "random")  # of /dev: what a node shows as its GPUs

# As fast as Slurm gets, where a real one waits: a job starts as soon as it is submitted, one that was requeued after
# 5 s (cred_expire), not 2 minutes; one that does not end on SIGTERM is killed after 10 s (KillWait), not 30; a node
# that does not answer is down after about half a minute. Time limits cannot be made faster: they are whole minutes,
# and Slurm looks at them every 30 s.
CONFIG = """
ClusterName=test
SlurmctldHost=controller(127.0.0.1)
SlurmctldPort={port}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
SlurmdTimeout=10
ReturnToService=2
PartitionName=main Nodes=ALL Default=YES PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=60
"""
NODE = "NodeName={name} NodeAddr={address} Port={port} CPUs={cpus} RealMemory=4000 Gres=gpu:{gpus}\n"

# The first process of a daemon's namespaces: whatever the daemon has started dies with it. It is a shell that waits,
# since it has to reap the processes of jobs.
FIRST_PROCESS = 'hostname "$0" && mount --bind "$1" /etc/hosts && eval "$2" && shift 2 && "$@"; exit $?'


def missing() -> str:
    """Why there can be no cluster on this machine; empty if there can."""
    lacking = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if lacking:
        packages = "`apt-get install slurmctld slurmd slurm-client munge`"
        return f"Slurm is missing ({', '.join(lacking)}). Get it with {packages}."
    return "" if os.geteuid() == 0 else "A Slurm of several nodes on one machine needs root."


class SlurmCluster:
    """A Slurm with the partitions `main`, whose jobs are requeued when they are preempted, and `urgent`.

    Args:
        folder: An empty folder for its configuration, state and logs. Its path is short, as a socket's has to be.
        nodes: Number of nodes: node1, node2, ...
        cpus: CPUs of a node, whatever this machine has.
        gpus: GPUs of a node, at most 4, which nobody can compute with.

    Attributes:
        folder: The same.
        nodes: The names of the nodes.
        environment: The environment for its clients.
    """

    def __init__(self, folder: Path, nodes: int, cpus: int, gpus: int) -> None:
        self.folder = folder
        self.nodes = [f"node{number + 1}" for number in range(nodes)]
        outside = {name: os.environ[name] for name in os.environ if not name.startswith(("SLURM", "SBATCH"))}
        self.environment = {**outside, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": _path()}
        self._gpus = [f"{folder}/gpu{number}" for number in range(gpus)]
        assert gpus <= len(DEVICES)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._write_files(cpus)

    def start(self) -> None:
        """Start it, and wait until a job can run on each node."""
        self._start_munge()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        self.wait_until(lambda: self.idle_nodes() == set(self.nodes))

    def close(self) -> None:
        """End all of its processes, jobs included."""
        for name in [*self.nodes, "controller", "munge"]:
            self._kill(name)

    def run(self, *command: object) -> str:
        """What a client prints: `run("squeue", "--json")`."""
        arguments = [str(argument) for argument in command]
        done = subprocess.run(arguments, env=self.environment, capture_output=True, text=True, timeout=WAIT_SECONDS)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def submit(self, *arguments: object) -> str:
        """The id of a new job: `submit("--time=1", "job.sh")`."""
        return self.run("sbatch", "--parsable", *arguments).strip()

    def states(self, job: str) -> set[str]:
        """The states, such as RUNNING, of a job, an array or a task of one (`7_1`), until 5 minutes after its end."""
        return set(self.run("squeue", "--noheader", "--states=all", "--array", f"--jobs={job}", "--format=%T").split())

    def idle_nodes(self) -> set[str]:
        """The nodes that are up and have nothing to do."""
        return set(self.run("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N").split())

    def wait_for(self, job: str, state: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a job, or each task of an array, is in a state."""
        self.wait_until(lambda: self.states(job) == {state}, seconds)

    def wait_until(self, is_so: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Wait. If it takes too long, or a daemon has ended by itself, the logs of all daemons are shown."""
        gives_up = time.monotonic() + seconds
        while not is_so():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            assert not ended, f"ended: {', '.join(ended)}\n{self._logs()}"
            assert time.monotonic() < gives_up, self._logs()
            time.sleep(0.05)

    def start_controller(self) -> None:
        """Start the controller, which knows all jobs that it knew before."""
        self._start("controller", "slurmctld", "-D")
        self.wait_until(lambda: self._answers("scontrol", "ping"))

    def stop_controller(self) -> None:
        """Stop the controller as an administrator does; jobs run on."""
        self.run("scontrol", "shutdown", "slurmctld")
        self._running.pop("controller").wait()

    def kill_controller(self) -> None:
        """Kill the controller, which forgets what happened in its last seconds; jobs run on."""
        self._kill("controller")

    def start_node(self, node: str, setup: str = "") -> None:
        """Start a node.

        Args:
            node: Its name.
            setup: Shell commands that it runs first. What they mount is seen by this node alone.
        """
        gpus = [f"mount --bind /dev/{device} {gpu}" for device, gpu in zip(DEVICES, self._gpus)]
        self._start(node, "slurmd", "-D", setup="\n".join([*gpus, setup]))

    def kill_node(self, node: str, is_noticed: bool = True) -> None:
        """End a node with all of its processes at once, as when its power fails.

        Args:
            node: Its name.
            is_noticed: Whether Slurm is told, as it would notice by itself in half a minute.
        """
        self._kill(node)
        if is_noticed:
            self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=killed")

    def _write_files(self, cpus: int) -> None:
        port, *ports = free_ports(1 + len(self.nodes))
        addresses = [f"127.0.0.{number + 2}" for number in range(len(self.nodes))]
        nodes = [
            NODE.format(name=name, address=address, port=port, cpus=cpus, gpus=len(self._gpus))
            for name, address, port in zip(self.nodes, addresses, ports)
        ]
        hosts = [("127.0.0.1", "localhost controller"), *zip(addresses, self.nodes)]
        gpus = [f"NodeName={','.join(self.nodes)} Name=gpu File={gpu}\n" for gpu in self._gpus]
        self.folder.chmod(0o755)  # munged wants everybody to reach its socket
        for name in ("state", *(f"spool/{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True)
        for gpu in self._gpus:
            Path(gpu).touch()
        (self.folder / "slurm.conf").write_text(CONFIG.format(folder=self.folder, port=port) + "".join(nodes))
        (self.folder / "gres.conf").write_text("".join(gpus))
        (self.folder / "hosts").write_text("".join(f"{address} {names}\n" for address, names in hosts))
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)

    def _start_munge(self) -> None:
        """Start what proves to the daemons who their clients are."""
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in files.items()]
        self._start("munge", "munged", "--foreground", "--force", "--origin=127.0.0.1", *options)
        self.wait_until((self.folder / "munge.socket").exists)

    def _start(self, name: str, *daemon: str, setup: str = "") -> None:
        """Start a daemon on a host of this name. It dies with this thread, even if the process is killed."""
        namespaces = ("unshare", "--uts", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child")
        first = ("sh", "-c", FIRST_PROCESS, name, str(self.folder / "hosts"), setup)
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *namespaces, *first, *daemon],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _kill(self, name: str) -> None:
        """End the first process of a host, and so all others."""
        process = self._running.pop(name, None)
        if process is not None and process.poll() is None:
            whole = psutil.Process(process.pid)
            for first in whole.children() or [whole]:
                first.kill()
            process.wait()

    def _answers(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0

    def _logs(self) -> str:
        """The end of each log."""
        return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.log")))


@contextmanager
def slurm_cluster(nodes: int = 2, cpus: int = 2, gpus: int = 2) -> Iterator[SlurmCluster]:
    """A running cluster, which ends with the context; see `SlurmCluster`."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, ExitStack() as stack:
        cluster = SlurmCluster(Path(folder), nodes, cpus, gpus)
        stack.callback(cluster.close)
        cluster.start()
        yield cluster


def _path() -> str:
    """$PATH, with where Debian has daemons."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

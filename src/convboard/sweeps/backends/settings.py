"""The keys `sweep.backend.*`, which say where and how the workers of a sweep are started."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from convboard.config.value_checks import between, check_minutes
from convboard.errors import ConfigError


@dataclass
class BackendSettings:
    """The pool of this machine.

    Attributes:
        name: The backend.
    """

    name: str = "local"


@dataclass
class RemoteSettings(BackendSettings):
    """What all backends need to know that start workers elsewhere.

    Attributes:
        cpus: Cores of each worker, which is the number of threads with which a run computes on a CPU.
        gpus: GPUs of each worker: 0, or 1 for runs on GPUs.
        workers_per_node: Number of runs at the same time on one node. They share one process that has imported all and
            starts the next run at once.
        python: The Python of the nodes, with the same packages, as a command, such as that of a container; null: the
            one that runs this command.
        idle_minutes: Minutes for which a worker waits for a run that another worker may leave behind, before it ends
            and frees its node; null: until the sweep has ended.
    """

    cpus: int = 1
    gpus: int = 0
    workers_per_node: int = 1
    python: str | None = None
    idle_minutes: float | None = 5.0

    def __post_init__(self) -> None:
        check_minutes("sweep.backend.idle_minutes", self.idle_minutes, 0.0)
        between("sweep.backend.cpus", self.cpus, 1)
        between("sweep.backend.gpus", self.gpus, 0, 1)
        between("sweep.backend.workers_per_node", self.workers_per_node, 1)
        try:
            shlex.split(self.python or "")
        except ValueError as error:
            raise ConfigError(f"sweep.backend.python={self.python}: {error}.") from error

    def check(self, workers: int) -> None:
        """Check what is needed to start workers.

        Args:
            workers: Their number.

        Raises:
            ConfigError: It is missing.
        """

    def device(self, devices: Collection[str]) -> str:
        """Return the type of device on which runs are trained, `cpu` or `cuda`.

        Args:
            devices: The values of `trainer.device` in the trials.

        Raises:
            ConfigError: They need another one than the workers have.
        """
        asked = set(devices) & {"cuda", "mps"}
        if asked and not self.gpus:
            raise ConfigError(
                f"trainer.device={min(asked)}: the workers have no GPU. Give them one with sweep.backend.gpus=1."
            )
        return "cuda" if self.gpus and set(devices) & {"auto", "cuda"} else "cpu"

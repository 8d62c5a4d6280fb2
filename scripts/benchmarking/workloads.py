"""What is trained in the benchmark, as the arguments of `train.py` say it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workload:
    """A network, its data and the size of its batches.

    Attributes:
        model: An option of conf/model.
        dataset: An option of conf/dataset that torchvision has as well, for the tutorials' loop.
        batch_size: Images in a batch.
        batches: Batches that a contender trains on in its turn: some seconds of work.
    """

    model: str
    dataset: str
    batch_size: int
    batches: int

    @property
    def name(self) -> str:
        """How the tables call it."""
        return f"{self.model} on {self.dataset}, batch {self.batch_size}"

    @property
    def arguments(self) -> list[str]:
        """Those of `train.py`; its plan may take bf16 where that is faster."""
        return [
            f"model={self.model}",
            f"dataset={self.dataset}",
            f"batch_size={self.batch_size}",
            "trainer.precision=auto",
        ]


WORKLOADS = (
    Workload("lenet", "mnist", 64, batches=500),
    Workload("lenet", "mnist", 512, batches=108),
    Workload("cifar10_quick", "cifar10", 128, batches=120),
)

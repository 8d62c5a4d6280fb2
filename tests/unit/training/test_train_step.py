"""A step calls the wrapped network, and does not wait for the device: what a run reads of it does not grow."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import convboard
from convboard.config.schema import TrainConfig
from convboard.data.batches import Batch
from convboard.training.distributed.communicator import Communicator
from convboard.training.nan_guard import NanGuard
from convboard.training.train_step import TrainStep
from training_setups import make_setup

# What waits for an accelerator: operations whose result Python sees, or whose shape depends on values ...
READS = ("aten._local_scalar_dense", "aten.item", "aten.is_nonzero", "aten.nonzero", "aten.masked_select", "aten._uniq")
# ... and methods that are no operation on the CPU, where this test runs.
METHODS = ("cpu", "tolist", "numpy")


class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts them by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func).startswith(READS):
            self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))

    def counting(self, name: str) -> Callable[..., Any]:
        """The method of Tensor called `name`, counted."""
        method = getattr(torch.Tensor, name)

        def counted(*arguments: Any, **more: Any) -> Any:
            self.counts[name] += 1
            return method(*arguments, **more)

        return counted


@contextmanager
def counted_reads() -> Iterator[Counter[str]]:
    with Reads() as reads, pytest.MonkeyPatch.context() as patch:
        for name in METHODS:
            patch.setattr(torch.Tensor, name, reads.counting(name))
        yield reads.counts


@pytest.fixture(autouse=True)
def as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard keeps its result on the device, as it does where reading every loss would wait."""
    monkeypatch.setattr(NanGuard, "SYNCHRONOUS", ())


def reads_of_a_run(run_dir: Path, steps: int, changes: dict[str, Any]) -> Counter[str]:
    plain: dict[str, Any] = {
        "model": {"_target_": "convboard.models.LeNet", "image_size": 32},
        "dataset": {"name": "digits", "random_crop": 1, "horizontal_flip": True, "cutout": 4},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.001, "fused": True},
        "scheduler": {"_target_": "convboard.training.schedules.Cosine"},
        "trainer": {"max_epochs": 1, "device": "cpu"},
        "board": {"level": "minimal", "scalar_every": 100},
        "batch_size": 8,
    }
    for group, values in changes.items():
        plain[group] = {**plain[group], **values}
    plain["trainer"]["limit_train_batches"] = steps * plain["trainer"].get("accumulate_batches", 1)
    with counted_reads() as counts:
        convboard.run(TrainConfig.from_dict(plain), run_dir)
    return counts


@pytest.fixture(scope="module")
def earlier_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A run in this process: what a process computes once, such as windows of receptive fields, is known after it."""
    reads_of_a_run(tmp_path_factory.mktemp("earlier") / "run", 3, {})


@pytest.mark.usefixtures("earlier_run")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"board": {"level": "default"}},
        {"dataset": {"data_location": "stream"}},
        {"trainer": {"precision": "bf16", "accumulate_batches": 2, "gradient_clip": 1.0}},
        {"optimizer": {"_target_": "torch.optim.AdamW"}},
    ],
    ids=["default", "board", "stream", "bf16", "adamw"],
)
def test_a_longer_run_reads_no_more_of_the_device(changes: dict[str, Any], tmp_path: Path) -> None:
    few, many = (reads_of_a_run(tmp_path / str(steps), steps, changes) for steps in (3, 8))
    assert few
    assert many == few


def test_a_read_at_each_step_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = NanGuard.step

    def step(guard: NanGuard, loss: torch.Tensor, global_step: int, epoch: int) -> None:
        assert loss > 0
        take(guard, loss, global_step, epoch)

    monkeypatch.setattr(NanGuard, "step", step)
    few, many = (reads_of_a_run(tmp_path / str(steps), steps, {}) for steps in (3, 8))
    assert (many - few).total() == 5


class Wrapped(nn.Module):
    """Notes each call of the network."""

    def __init__(self, model: nn.Module, events: list[str]) -> None:
        super().__init__()
        self.model, self.events = model, events

    def forward(self, images: Tensor) -> Tensor:
        self.events.append("forward")
        logits: Tensor = self.model(images)
        logits.register_hook(lambda _: self.events.append("backward"))  # type: ignore[no-untyped-call]
        return logits


class OneOfTwo(Communicator):
    """One of two processes, the other of which has no samples."""

    world_size = 2

    def __init__(self) -> None:
        self.events: list[str] = []

    def wrap_model(self, model: nn.Module, uses_all_weights: bool) -> nn.Module:
        self.events.append(f"wrap, {uses_all_weights=}")
        return Wrapped(model, self.events)

    def no_sync(self, model: nn.Module) -> AbstractContextManager[None]:
        assert isinstance(model, Wrapped)
        self.events.append("no sync")
        return nullcontext()

    def begin_waiting(self) -> None:
        self.events.append("wait")

    def reduce_step(self, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        self.events.append("reduce")
        return loss, correct


def test_a_step_of_several_processes_calls_the_wrapped_network() -> None:
    comm = OneOfTwo()
    model = nn.Linear(4, 3)
    before = model.weight.detach().clone()
    step = TrainStep(make_setup(model, comm=comm, uses_all_weights=False))
    batch = Batch(torch.ones(2, 4), torch.tensor([0, 1]), torch.arange(2))
    step.take([batch, batch], steps_before=0, epoch=1)
    passes = ["forward", "wait", "backward"]
    assert comm.events == ["wrap, uses_all_weights=False", "no sync", *passes, *passes, "reduce"]
    assert not torch.equal(model.weight, before)

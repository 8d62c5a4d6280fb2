"""A bad loss stops a run before the optimizer's step, and no step waits for the device.

The number of values that a run reads from the device must not grow with its number of steps.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import convboard
from convboard.config.schema import TrainConfig
from convboard.errors import TrainingError
from convboard.training.nan_guard import NanGuard

# What waits for an accelerator: operations whose result Python sees, or whose shape depends on values ...
READS = ("aten._local_scalar_dense", "aten.item", "aten.is_nonzero", "aten.nonzero", "aten.masked_select", "aten._uniq")
# ... and methods that are no operation on the CPU, where this test runs.
METHODS = ("cpu", "tolist", "numpy")


def fused_optimizer() -> tuple[Tensor, torch.optim.Optimizer]:
    weight = torch.nn.Parameter(torch.ones(3))
    return weight, torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)


def take(guard: NanGuard, weight: Tensor, loss: float, step: int) -> None:
    weight.grad = torch.full((3,), loss)
    guard.step(torch.tensor(loss), step, epoch=1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_bad_loss_stops_before_the_step(bad: float) -> None:
    weight, optimizer = fused_optimizer()
    guard = NanGuard(optimizer, torch.device("cpu"), "Try less.")
    take(guard, weight, 1.0, 1)
    before = weight.clone()
    with pytest.raises(TrainingError, match=rf"^The loss is {bad} at step 2 \(epoch 1\); .*good\. Try less\.$"):
        take(guard, weight, bad, 2)
    assert torch.equal(weight, before)


def test_without_looking_the_weights_stay_as_before_the_bad_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    # The path of accelerators, which the CPU's fused kernels can take as well.
    weight, optimizer = fused_optimizer()
    guard = NanGuard(optimizer, torch.device("meta"))
    assert not guard._reads_each
    for name in ("_bad", "_bad_step", "_bad_loss"):
        monkeypatch.setattr(guard, name, torch.zeros_like(getattr(guard, name), device="cpu"))
    take(guard, weight, 1.0, 1)
    before = weight.clone()
    take(guard, weight, float("nan"), 2)
    take(guard, weight, 1.0, 3)  # a later good loss changes nothing either: its gradients came from a doomed run
    assert torch.equal(weight, before)
    with pytest.raises(TrainingError, match=r"^The loss is nan at step 2 \(epoch 1\)"):
        guard.check(1)


class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the reads by name."""

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


@pytest.fixture
def guard_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each guard keep its result on the device, as on an accelerator, where reading every loss would wait."""
    begin = NanGuard.__init__

    def init(guard: NanGuard, optimizer: torch.optim.Optimizer, device: torch.device, advice: str) -> None:
        begin(guard, optimizer, torch.device("meta"), advice)
        assert not guard._reads_each
        for name, value in vars(guard).items():
            if isinstance(value, torch.Tensor):
                setattr(guard, name, torch.zeros_like(value, device=device))

    monkeypatch.setattr(NanGuard, "__init__", init)


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


@pytest.mark.usefixtures("guard_on_an_accelerator")
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


@pytest.mark.usefixtures("guard_on_an_accelerator")
def test_a_read_at_each_step_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = NanGuard.step

    def step(guard: NanGuard, loss: torch.Tensor, global_step: int, epoch: int) -> None:
        assert loss > 0
        take(guard, loss, global_step, epoch)

    monkeypatch.setattr(NanGuard, "step", step)
    few, many = (reads_of_a_run(tmp_path / str(steps), steps, {}) for steps in (3, 8))
    assert (many - few).total() == 5

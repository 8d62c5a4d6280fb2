"""Batches, resident and streamed."""

from typing import Any

import pytest
import torch

from convboard.data.augment import Augmentation
from convboard.data.batches import Batch, Batches, free_memory
from convboard.data.counter_rng import epoch_order
from convboard.data.dataset import Split
from python_code import printed

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if torch.mps.is_available() else [])]
FULL = Augmentation(random_crop=2, horizontal_flip=True, cutout=3)


def make(split: Split, **changes: Any) -> Batches:
    arguments: dict[str, Any] = {
        "mean": (0.5, 0.4, 0.3),
        "std": (0.2, 0.25, 0.3),
        "batch_size": 10,
        "device": torch.device("cpu"),
        "seed": 3,
        "shuffle": True,
    }
    return Batches(split, **(arguments | changes))


def assert_equal(left: list[Batch], right: list[Batch]) -> None:
    assert len(left) == len(right) > 0
    for one, other in zip(left, right, strict=True):
        assert all(a.equal(b) for a, b in zip(one[:3], other[:3], strict=True))
        assert one.whole == other.whole


def test_an_epoch_holds_every_sample_once(split: Split) -> None:
    batches = make(split)
    seen = list(batches.epoch(2))
    assert len(seen) == len(batches) == 11
    assert [len(batch.images) for batch in seen] == [10] * 10 + [3]
    assert torch.cat([batch.indices for batch in seen]).equal(epoch_order(103, seed=3, epoch=2))
    for batch in seen:
        assert batch.labels.equal(split.labels[batch.indices])
        assert batch.images.dtype == torch.float32


def test_normalisation(split: Split) -> None:
    batch = next(make(split, shuffle=False).epoch())
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.2, 0.25, 0.3]).view(3, 1, 1)
    torch.testing.assert_close(batch.images, (split.images[:10] / 255 - mean) / std)


def test_without_shuffle_the_order_is_the_splits(split: Split) -> None:
    for epoch in range(2):
        indices = torch.cat([batch.indices for batch in make(split, shuffle=False).epoch(epoch)])
        assert indices.equal(torch.arange(103))


def test_epochs_and_seeds_differ(split: Split) -> None:
    first = [next(make(split, seed=seed).epoch(epoch)).indices for seed in range(3) for epoch in range(3)]
    assert len({tuple(indices.tolist()) for indices in first}) == 9


@pytest.mark.parametrize("data_location", ["device", "stream"])
@pytest.mark.parametrize("start", [1, 5, 10, 11])
def test_start_gives_the_tail_of_the_epoch(split: Split, data_location: str, start: int) -> None:
    batches = make(split, augmentation=FULL, data_location=data_location)
    whole, tail = list(batches.epoch(1)), list(batches.epoch(1, start=start))
    assert len(tail) == 11 - start
    if tail:
        assert_equal(tail, whole[start:])


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("augmentation", [None, FULL])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_streamed_equals_resident(split: Split, augmentation: Augmentation | None, num_workers: int) -> None:
    resident = make(split, augmentation=augmentation, data_location="device")
    streamed = make(split, augmentation=augmentation, data_location="stream", num_workers=num_workers)
    assert (resident.streamed, streamed.streamed) == (False, True)
    assert_equal(list(resident.epoch(1)), list(streamed.epoch(1)))


def test_streaming_takes_the_order_from_the_device_once(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    to_cpu = torch.Tensor.cpu

    def cpu(tensor: torch.Tensor) -> torch.Tensor:
        moved.append(len(tensor))
        return to_cpu(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    assert len(list(make(split, data_location="stream").epoch())) == 11
    assert moved == [103]


def test_a_sample_looks_the_same_in_batches_of_any_size(split: Split) -> None:
    def by_sample(batch_size: int) -> torch.Tensor:
        seen = list(make(split, augmentation=FULL, batch_size=batch_size).epoch(5))
        order = torch.cat([batch.indices for batch in seen]).argsort()
        return torch.cat([batch.images for batch in seen])[order]

    assert by_sample(7).equal(by_sample(103))


def test_augmentation_changes_with_the_epoch(split: Split) -> None:
    batches = make(split, augmentation=FULL, shuffle=False)
    assert not next(batches.epoch(0)).images.equal(next(batches.epoch(1)).images)


@pytest.mark.parametrize("data_location", ["device", "stream"])
def test_the_global_random_state_is_left_alone(split: Split, data_location: str) -> None:
    before = torch.get_rng_state()
    list(make(split, augmentation=FULL, data_location=data_location).epoch())
    assert torch.get_rng_state().equal(before)


def test_channels_last(split: Split) -> None:
    plain = list(make(split, augmentation=FULL).epoch())
    last = list(make(split, augmentation=FULL, channels_last=True).epoch())
    assert all(batch.images.is_contiguous(memory_format=torch.channels_last) for batch in last)
    assert_equal(last, plain)


def test_the_split_is_left_alone(split: Split) -> None:
    before = split.images.clone()
    list(make(split, augmentation=FULL).epoch())
    assert split.images.equal(before)


def test_resident_on_the_cpu_copies_nothing(split: Split) -> None:
    batches = make(split, shuffle=False)
    before = next(batches.epoch()).images
    split.images.bitwise_not_()
    assert not next(batches.epoch()).images.equal(before)


@pytest.mark.parametrize(("free", "streamed"), [(1, True), (2 * 103 * 240, True), (2 * 103 * 240 + 2, False)])
def test_auto_keeps_half_of_the_memory_free(split: Split, free: int, streamed: bool) -> None:
    assert make(split, data_location="auto", free_memory=lambda _: free).streamed is streamed


def test_free_memory_of_this_machine() -> None:
    assert 10**7 < free_memory(torch.device("cpu")) < 10**14


def test_batch_size_may_be_the_whole_split(split: Split) -> None:
    assert len(make(split, batch_size=103)) == 1


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("data_location", ["device", "stream"])
def test_every_device_sees_the_same_samples(split: Split, device: str, data_location: str) -> None:
    here = list(make(split, augmentation=FULL).epoch(1))
    there = list(make(split, augmentation=FULL, data_location=data_location, device=torch.device(device)).epoch(1))
    for one, other in zip(here, there, strict=True):
        assert other.images.device.type == device
        assert one.indices.equal(other.indices.cpu())
        torch.testing.assert_close(one.images, other.images.cpu())


@pytest.mark.parametrize("data_location", ["device", "stream"])
def test_the_parts_of_several_processes_make_up_the_batches_of_one(split: Split, data_location: str) -> None:
    changes = {
        "batch_size": 6,
        "data_location": data_location,
        "augmentation": Augmentation(random_crop=2, horizontal_flip=True, cutout=3),
    }
    whole = list(make(split, **changes).epoch(1, start=3))
    parts = [list(make(split, part=(which, 4), **changes).epoch(1, start=3)) for which in range(4)]
    assert len(parts[3][-1].labels) == 0  # the last batch is of one image
    for batch, *four in zip(whole, *parts, strict=True):
        assert {part.whole for part in four} == {batch.whole} == {len(batch.labels)}
        for name in ("images", "labels", "indices"):
            assert torch.cat([getattr(part, name) for part in four]).equal(getattr(batch, name))


@pytest.mark.thorough
def test_the_end_of_a_process_that_reads_ahead_is_known_by_its_error() -> None:
    """PyTorch raises it in a handler of a signal, which would interrupt pytest as well."""
    code = """
import multiprocessing, torch
from convboard.data.batches import Batches, is_worker_failure
from convboard.data.dataset import Split
split = Split(torch.zeros(1000, 1, 8, 8, dtype=torch.uint8), torch.zeros(1000, dtype=torch.int64))
how = dict(batch_size=1, device=torch.device("cpu"), data_location="stream", num_workers=1)
try:
    for number, _ in enumerate(Batches(split, mean=(0,), std=(1,), **how).epoch()):
        if number == 5:
            multiprocessing.active_children()[0].kill()
except RuntimeError as error:
    print(is_worker_failure(error), is_worker_failure(RuntimeError("out of memory")), flush=True)
"""
    assert printed(code) == "True False\n"

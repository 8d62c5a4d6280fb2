"""Batches of a split for the network: in order, on the device, normalised and augmented.

The images are either resident, one uint8 tensor on the device that batches are indexed from, or streamed: then they
stay in the memory map of the cache, and a DataLoader reads the images of each batch. Afterwards a batch is processed by
the same code with the same draws, so that both ways give bitwise equal batches.
"""

import copy
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from convboard.anatomy.system_memory import available_memory
from convboard.data.augment import Augmentation, Augmenter
from convboard.data.counter_rng import epoch_order
from convboard.data.dataset import Split
from convboard.data.normalisation import Normalisation
from convboard.data.options import DATA_LOCATIONS


class Batch(NamedTuple):
    """One batch, or one process's part of it.

    Attributes:
        images: float32 [B, C, H, W], normalised.
        labels: int64 [B].
        indices: int64 [B], the samples' indices in their split.
        whole: Number of samples in the whole batch, if these are the part of one of several processes, perhaps an empty
            one; None if these are all.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor
    whole: int | None = None

    @property
    def size(self) -> int:
        """Number of samples in the whole batch."""
        return len(self.labels) if self.whole is None else self.whole

    def inputs(self) -> tuple[Tensor, Tensor]:
        """Return images [B, C, H, W] and labels [B]; for an empty part one zero image, as few networks take none."""
        if len(self.labels):
            return self.images, self.labels
        return self.images.new_zeros(1, *self.images.shape[1:]), self.labels.new_zeros(1)


def free_memory(device: torch.device) -> int:
    """Return the free memory of a device, in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return available_memory()


class Batches:
    """A split, divided into batches in every epoch.

    Args:
        split: The images and labels.
        mean: Mean of each channel of images scaled to 0..1.
        std: Standard deviation of each channel, likewise.
        batch_size: Images in a batch, from 1 to those in the split; the last batch of an epoch has the rest.
        device: Device of the batches.
        seed: Determines, with the epoch, the order and every draw.
        shuffle: Whether each epoch has a new order.
        augmentation: How images are augmented; None for not at all.
        channels_last: Whether images are in the memory format channels_last.
        data_location: One of `DATA_LOCATIONS`. `device` puts all images on the device, `stream` streams them, `auto`
            puts them on the device if they take less than half of its free memory.
        num_workers: Processes that read ahead when streaming; 0 reads in this process.
        part: (rank, number of processes): which part of each batch this process gets.
        free_memory: Returns the free memory of a device, in bytes.
    """

    def __init__(
        self,
        split: Split,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        batch_size: int,
        device: torch.device,
        seed: int = 0,
        shuffle: bool = False,
        augmentation: Augmentation | None = None,
        channels_last: bool = False,
        data_location: str = "auto",
        num_workers: int = 0,
        part: tuple[int, int] = (0, 1),
        free_memory: Callable[[torch.device], int] = free_memory,
    ) -> None:
        assert 1 <= batch_size <= len(split)
        assert data_location in DATA_LOCATIONS
        assert num_workers >= 0
        self.batch_size = batch_size
        self.device = device
        self.seed = seed
        self.shuffle = shuffle
        self.channels_last = channels_last
        self.num_workers = num_workers
        self.part = part
        self.streamed = data_location == "stream" or (
            data_location == "auto" and split.images.nbytes >= free_memory(device) / 2
        )
        # On the CPU this copies nothing; a memory map of the cache was measured to be as fast as memory.
        self._images = split.images if self.streamed else split.images.to(device)
        self._labels = split.labels.to(device)
        self._normalise = Normalisation(mean, std, device)
        self._augmenter = None
        if augmentation is not None and augmentation != Augmentation():
            _, channels, height, width = split.images.shape
            self._augmenter = Augmenter(augmentation, (channels, height, width), seed)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-len(self._labels) // self.batch_size)

    def with_memory_format(self, channels_last: bool) -> "Batches":
        """Return the same batches in another memory format, which share the images."""
        other = copy.copy(self)
        other.channels_last = channels_last
        return other

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """Iterate over the split once.

        Args:
            epoch: Number of the epoch, which determines the order and the draws.
            start: Index of the first batch; those before it are skipped.

        Yields:
            The batches from `start` to the last; each batch is independent of `start`.
        """
        n = len(self._labels)
        order = torch.arange(n, device=self.device)
        if self.shuffle:
            order = epoch_order(n, self.seed, epoch, self.device)
        order = order[start * self.batch_size :]
        parts = self._parts(order)
        draws = self._augmenter.draws(torch.cat(parts), epoch) if self._augmenter and parts else None
        left, position = len(order), 0
        for indices, images in zip(parts, self._raw(order), strict=True):
            if self._augmenter is not None and draws is not None and len(indices):
                drawn = draws.batch(position, position + len(indices))
                images = self._augmenter.cut(self._normalise(self._augmenter.move(images, drawn)), drawn)
            else:
                images = self._normalise(images)
            position += len(indices)
            if self.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            whole = min(left, self.batch_size)
            left -= whole
            yield Batch(images, self._labels.index_select(0, indices), indices, whole)

    def _parts(self, order: Tensor) -> list[Tensor]:
        """The indices of each batch, or of this process's part of it."""
        batches = torch.split(order, self.batch_size) if len(order) else ()
        rank, processes = self.part
        return [batch.tensor_split(processes)[rank] if processes > 1 else batch for batch in batches]

    def _raw(self, order: Tensor) -> Iterator[Tensor]:
        """The uint8 images of each batch, [B, C, H, W] on the device."""
        if not self.streamed:
            for indices in self._parts(order):
                yield self._images.index_select(0, indices)
            return
        pinned = self.device.type == "cuda"
        # Forked workers share the memory map. Workers that are started in another way would get a copy of all images.
        forks = self.num_workers > 0 and "fork" in multiprocessing.get_all_start_methods()
        loader = DataLoader(
            _Fetch(self._images),
            batch_size=None,  # each "sample" is a whole batch: one index tensor in, one image tensor out
            sampler=self._parts(order.cpu()),  # moved at once, because each copy from the device waits for it
            num_workers=self.num_workers,
            pin_memory=pinned,
            multiprocessing_context="fork" if forks else None,
            generator=torch.Generator(),  # otherwise DataLoader draws from the global one, which dropout uses
        )
        for images in _unless_a_worker_ended(loader):
            yield images.to(self.device, non_blocking=pinned)


_WORKER = "DataLoader worker"  # begins PyTorch's messages; there is no class for these errors


def is_worker_failure(error: BaseException) -> bool:
    """Return whether an error says that a process that reads ahead has ended."""
    return isinstance(error, RuntimeError) and str(error).startswith(_WORKER)


def _unless_a_worker_ended(loader: Iterable[Tensor]) -> Iterator[Tensor]:
    """The batches of a loader. A process that ends while it hands one over is noticed by its connection only."""
    iterator = iter(loader)
    while True:
        try:
            images = next(iterator)
        except StopIteration:
            return
        except (ConnectionError, EOFError, FileNotFoundError) as error:
            raise RuntimeError(f"{_WORKER} has closed its connection: {error}") from error
        yield images


class _Fetch(Dataset[Tensor]):
    """Images by index tensor, for DataLoader."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __getitem__(self, indices: Tensor) -> Tensor:
        return self.images.index_select(0, indices)

"""Cache of decoded images: opened, and written again when the source's files have changed or the cache is damaged."""

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from convboard import files
from convboard.data.batches import free_memory
from convboard.data.cache_file import Stored, image_bytes, map_cache, read_into_memory, write_cache
from convboard.data.fingerprint import Fingerprint, take_fingerprint
from convboard.data.sources.source import RawDataset, Source, UnreadableError
from convboard.errors import DataError
from convboard.files import locks

_log = logging.getLogger(__name__)

_DECODING = 8  # memory that decoding one image takes, in bytes per byte of the result


def open_stored(source: Source, size: int, download: bool) -> Stored:
    """Open the images of a source, mapped from the cache, which is written if it is missing or outdated.

    Args:
        source: The source.
        size: Side of the images in pixels.
        download: Whether missing files may be downloaded.

    Raises:
        DataError: A file is missing or damaged, or the images do not fit into memory.
    """
    if source.cache is None:
        source.provide(download)
        return _in_memory(source.read(size))
    cache = source.cache.with_name(f"{source.cache.name}-{size}.safetensors")
    record = source.record
    assert record is not None
    if all(path.is_file() for path in source.files()):
        fingerprint = _checked_fingerprint(source, record)
        stored = map_cache(cache, fingerprint.digest)
        if stored is not None:
            if fingerprint.is_new:
                _unless_read_only(record, lambda: fingerprint.save(record))
            return stored
    with _locked(source):
        return _write_and_map(source, size, download, cache, record)


def _write_and_map(source: Source, size: int, download: bool, cache: Path, record: Path) -> Stored:
    """Download, decode and cache, unless another process did so while this one waited for the lock."""
    source.provide(download)
    fingerprint = _checked_fingerprint(source, record)
    stored = map_cache(cache, fingerprint.digest)
    if stored is not None:
        return stored
    raw = source.read(size)
    _refuse_above_memory(raw, images=1)
    _log.info("Decoding %s once, for the cache %s", source.name, cache)

    def save() -> None:
        if shutil.disk_usage(cache.parent).free < image_bytes(raw):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # before the disk is full
        files.atomic_write(cache, lambda path: write_cache(path, raw, fingerprint.digest))
        fingerprint.save(record)

    _unless_read_only(cache, save)
    return map_cache(cache, fingerprint.digest) or _in_memory(raw)


def _in_memory(raw: RawDataset) -> Stored:
    _refuse_above_memory(raw)
    return read_into_memory(raw)


def _checked_fingerprint(source: Source, record: Path) -> Fingerprint:
    try:
        fingerprint = take_fingerprint(source.files(), source.folder, record)
    except OSError as problem:
        first = UnreadableError(Path(problem.filename), str(problem.strerror))
        raise source.all_unreadable(first) from None
    if source.fixed and fingerprint.altered:
        raise DataError(
            f"{fingerprint.altered[0]} was altered: its content is not what it was when it was first read. Delete "
            "it and run again to download it, or put the original back. (If the change is meant, delete "
            f"{record.name} beside it.)"
        )
    return fingerprint


def _refuse_above_memory(raw: RawDataset, images: int | None = None) -> None:
    """Refuse images that do not fit into memory; `images` is their number while they are decoded, None for all."""
    free = free_memory(torch.device("cpu"))
    count = sum(len(split.labels) for split in raw.splits.values())
    needed = image_bytes(raw) if images is None else image_bytes(raw) // count * images * _DECODING
    if needed > free:
        channels, height, width = raw.image_shape
        shape = f"{channels}x{height}x{width}"
        what = f"{count:,} images of {shape} need" if images is None else f"decoding an image of {shape} needs"
        raise DataError(
            f"image_size={width}: {what} {needed / 1e9:,.1f} GB of memory, and "
            f"{free / 1e9:,.1f} GB are free. Choose a smaller size.",
            arguments=("image_size",),
        )


@contextlib.contextmanager
def _locked(source: Source) -> Iterator[None]:
    """Hold the lock of the source; without one if the folder is read-only, where nothing is written either."""
    assert source.cache
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            if not source.root.exists():  # a folder of the user's stays, also an empty one
                stack.callback(_remove_if_empty, source.root)
                source.root.mkdir(parents=True, exist_ok=True)
            lock = source.root / f".{source.cache.name}.lock"
            stack.enter_context(locks.locked(lock, wait=True, busy=lambda _: AssertionError("never raised")))
        yield


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is not empty
        folder.rmdir()


def _unless_read_only(path: Path, write: Callable[[], None]) -> None:
    """Write a file that only saves time, and continue without it if it cannot be written."""
    try:
        write()
    except OSError as problem:
        _log.info("%s is not kept (%s); the next run will decode the images again", path, problem.strerror)

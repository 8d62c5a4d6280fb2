"""Cache of decoded images: one safetensors file beside the source, which later runs map into memory.

The file has `<split>/labels` and `<split>/images` for each split. The training split is in stratified order, so that a
validation split is a tail of it. `train/sums` has the sum of the pixels and of their squares for each image and
channel, from which the mean and standard deviation of any head are computed.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from convboard import files
from convboard.data.fingerprint import Fingerprint, take_fingerprint
from convboard.data.sources.source import RawDataset, Source
from convboard.data.stratified_split import stratified_order
from convboard.errors import DataError

_log = logging.getLogger(__name__)

_FORMAT = "1"  # another number when the same source is stored in another way
_CHUNK = 1024  # images that are decoded at once


@dataclass(frozen=True)
class Stored:
    """The decoded splits of a data set, before the validation split is cut off.

    Attributes:
        class_names: In the order of the labels.
        tensors: By the names above: images uint8 [N, C, S, S], labels int64 [N], sums int64 [N, C, 2].
    """

    class_names: tuple[str, ...]
    tensors: dict[str, Tensor]


def open_stored(source: Source, size: int, download: bool) -> Stored:
    """Open the images of a source, mapped from the cache, which is written if it is missing or outdated.

    Args:
        source: The source.
        size: Side of the images in pixels.
        download: Whether missing files may be downloaded.

    Raises:
        DataError: A file is missing or damaged.
    """
    if not source.files():
        return _in_memory(source.read(size))
    cache = source.folder / f"convboard-{source.name}-{size}.safetensors"
    record = source.folder / f"convboard-{source.name}.json"
    if all(path.is_file() for path in source.files()):
        fingerprint = _checked_fingerprint(source, record)
        stored = _mapped(cache, fingerprint)
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
    stored = _mapped(cache, fingerprint)
    if stored is not None:
        return stored
    raw = source.read(size)
    _log.info("Decoding %s once, for the cache %s", source.name, cache)
    metadata = {"format": "pt", "convboard": _FORMAT, "source": fingerprint.digest}
    metadata["class_names"] = json.dumps(raw.class_names)

    def save() -> None:
        files.atomic_write(cache, lambda path: _write(path, raw, metadata))
        fingerprint.save(record)

    _unless_read_only(cache, save)
    return _mapped(cache, fingerprint) or _in_memory(raw)


def _checked_fingerprint(source: Source, record: Path) -> Fingerprint:
    try:
        fingerprint = take_fingerprint(source.files(), source.folder, record)
    except OSError as problem:
        raise DataError(
            f"{problem.filename} cannot be read: {problem.strerror}. See that it is there and may be read."
        ) from None
    if source.fixed and fingerprint.altered:
        raise DataError(
            f"{fingerprint.altered[0]} was altered: its content is not what it was when it was first read. Delete "
            "it and run again to download it, or put the original back. (If the change is meant, delete "
            f"{record.name} beside it.)"
        )
    return fingerprint


def _mapped(cache: Path, fingerprint: Fingerprint) -> Stored | None:
    """The cache as memory maps; None if it is missing, unreadable, or of other source files."""
    if not cache.is_file():
        return None
    try:
        with safe_open(cache, framework="pt") as opened:  # on the CPU this maps the file and copies nothing
            metadata = opened.metadata() or {}
            if (metadata.get("convboard"), metadata.get("source")) != (_FORMAT, fingerprint.digest):
                _log.info("%s is of other source files; making it again", cache)
                return None
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return Stored(tuple(json.loads(metadata["class_names"])), tensors)
    except (SafetensorError, OSError, KeyError, ValueError) as problem:
        _log.warning("%s cannot be read (%s); making it again", cache, problem)
        return None


def _layout(raw: RawDataset) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Dtype and shape of every tensor; those of eight bytes per element first, so that all are aligned."""
    channels = raw.image_shape[0]
    layout: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    layout["train/sums"] = torch.int64, (len(raw.splits["train"].labels), channels, 2)
    for name, split in raw.splits.items():
        layout[f"{name}/labels"] = torch.int64, (len(split.labels),)
    for name, split in raw.splits.items():
        layout[f"{name}/images"] = torch.uint8, (len(split.labels), *raw.image_shape)
    return layout


def _chunks(raw: RawDataset) -> Iterator[tuple[str, Tensor]]:
    """The rows of every tensor in order, in chunks."""
    for name, split in raw.splits.items():
        order = stratified_order(split.labels) if name == "train" else torch.arange(len(split.labels))
        yield f"{name}/labels", split.labels[order]
        for indices in torch.split(order, _CHUNK):
            images = split.read(indices)
            yield f"{name}/images", images
            if name == "train":
                pixels = images.flatten(2).double()  # exact up to 2^53, and ten times as fast as integers
                yield "train/sums", torch.stack([pixels.sum(2), pixels.square_().sum(2)], dim=2).long()


def _in_memory(raw: RawDataset) -> Stored:
    tensors = {name: torch.empty(shape, dtype=dtype) for name, (dtype, shape) in _layout(raw).items()}
    filled = dict.fromkeys(tensors, 0)
    for name, rows in _chunks(raw):
        tensors[name][filled[name] : filled[name] + len(rows)] = rows
        filled[name] += len(rows)
    return Stored(raw.class_names, tensors)


def _write(path: Path, raw: RawDataset, metadata: dict[str, str]) -> None:
    """Write a safetensors file in chunks; the library's own writer needs all images in memory at once.

    The format is the length of the header (8 bytes, little-endian), the header (JSON), then the tensors without gaps:
    see https://huggingface.co/docs/safetensors.
    """
    names = {torch.int64: "I64", torch.uint8: "U8"}
    header: dict[str, object] = {"__metadata__": metadata}
    positions: dict[str, int] = {}
    end = 0
    for name, (dtype, shape) in _layout(raw).items():
        positions[name] = end
        end += dtype.itemsize * torch.Size(shape).numel()
        header[name] = {"dtype": names[dtype], "shape": shape, "data_offsets": [positions[name], end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        start = file.tell()
        for name, rows in _chunks(raw):
            file.seek(start + positions[name])
            positions[name] += file.write(rows.contiguous().numpy().data)


@contextlib.contextmanager
def _locked(source: Source) -> Iterator[None]:
    """Hold the lock of the source; without one if the folder is read-only, where nothing is written either."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            source.root.mkdir(parents=True, exist_ok=True)
            stack.callback(_remove_if_empty, source.root)
            lock = source.root / f".convboard-{source.name}.lock"
            stack.enter_context(files.locked(lock, wait=True, busy=lambda _: AssertionError("never raised")))
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

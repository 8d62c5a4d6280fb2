"""The file of a cache: decoded images in the safetensors format, which is mapped into memory and has checksums.

It has `<split>/labels` and `<split>/images` for each split. The training split is in stratified order, so that a
validation split is a tail of it. `train/sums` has the sum of the pixels and of their squares for each image and
channel, from which the mean and standard deviation of any head are computed. `checksums` is first. It has the CRC-32C
of the file's header and of each block after the checksums.
"""

import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import google_crc32c
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from convboard.data.dataset import Remarks
from convboard.data.sources.source import RawDataset
from convboard.data.sources.value_range import ValueRanges
from convboard.data.stratified_split import stratified_order

_log = logging.getLogger(__name__)

_FORMAT = "2"  # another number when the same source is stored in another way
_CHUNK = 16 * 2**20  # bytes of the images that are decoded at once
_SUM_CHUNK = 2**20  # bytes of the images whose sums are computed at once; this needs eight times as much
_BLOCK = 4 * 2**20  # bytes that have a checksum


@dataclass(frozen=True)
class Stored:
    """The decoded splits of a data set, before the validation split is cut off.

    Attributes:
        class_names: In the order of the labels.
        tensors: By the names above: images uint8 [N, C, S, S], labels int64 [N], sums int64 [N, C, 2].
        value_ranges: See `RawDataset`, as the next one.
        remarks: What was done to the images.
    """

    class_names: tuple[str, ...]
    tensors: dict[str, Tensor]
    value_ranges: ValueRanges = field(default_factory=dict)
    remarks: Remarks = ()


def image_bytes(raw: RawDataset) -> int:
    """Return the bytes of all images of a source."""
    return sum(len(split.labels) for split in raw.splits.values()) * torch.Size(raw.image_shape).numel()


def read_into_memory(raw: RawDataset) -> Stored:
    """Decode all images of a source into memory."""
    layout = _layout(raw)
    del layout["checksums"]
    tensors = {name: torch.empty(shape, dtype=dtype) for name, (dtype, shape) in layout.items()}
    filled = dict.fromkeys(tensors, 0)
    for name, rows in _chunks(raw):
        tensors[name][filled[name] : filled[name] + len(rows)] = rows
        filled[name] += len(rows)
    return Stored(raw.class_names, tensors, raw.value_ranges, raw.remarks)


def write_cache(path: Path, raw: RawDataset, digest: str) -> None:
    """Write a file in chunks; the writer of safetensors needs all images in memory at once.

    The format is the length of the header (8 bytes, little-endian), the header (JSON), then the tensors without gaps:
    see https://huggingface.co/docs/safetensors.

    Args:
        path: The file.
        raw: The images.
        digest: Names the content of the source's files.
    """
    header, positions = _header(raw, digest)
    start = min(position for name, position in positions.items() if name != "checksums")
    with path.open("w+b") as file:
        file.write(header)
        for name, rows in _chunks(raw):
            file.seek(positions[name])
            positions[name] += file.write(rows.contiguous().numpy().data)
        file.flush()
        file.seek(len(header))
        file.write(_checksums(file.fileno(), len(header), start).numpy().data)


def map_cache(path: Path, digest: str) -> Stored | None:
    """Map a file into memory.

    Args:
        path: The file.
        digest: See `write_cache`.

    Returns:
        Its tensors; None if it is missing, damaged, or of other source files.
    """
    if not os.path.isfile(path):  # noqa: PTH113  (it is False too where the folder may not be searched)
        return None
    try:
        with safe_open(path, framework="pt") as opened:  # on the CPU this maps the file and copies nothing
            metadata = opened.metadata() or {}
            if (metadata.get("convboard"), metadata.get("source")) != (_FORMAT, digest):
                _log.info("%s is of other source files; making it again", path)
                return None
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            _verify(path, tensors.pop("checksums"))
        facts = json.loads(metadata["facts"])
        ranges = {kind: (low, high) for kind, (low, high) in facts["value_ranges"].items()}
        remarks = tuple((label, text) for label, text in facts["remarks"])
        return Stored(tuple(facts["class_names"]), tensors, ranges, remarks)
    except (SafetensorError, OSError, KeyError, ValueError) as problem:
        _log.warning("%s cannot be read (%s); making it again", path, problem)
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
    size = sum(dtype.itemsize * torch.Size(shape).numel() for dtype, shape in layout.values())
    return {"checksums": (torch.int64, (1 + -(-size // _BLOCK),)), **layout}


def _header(raw: RawDataset, digest: str) -> tuple[bytes, dict[str, int]]:
    """The file up to the first tensor, and the position of each tensor in the file."""
    facts = {"class_names": raw.class_names, "value_ranges": raw.value_ranges, "remarks": raw.remarks}
    metadata = {"format": "pt", "convboard": _FORMAT, "source": digest, "facts": json.dumps(facts)}
    names = {torch.int64: "I64", torch.uint8: "U8"}
    header: dict[str, object] = {"__metadata__": metadata}
    offsets: dict[str, int] = {}
    end = 0
    for name, (dtype, shape) in _layout(raw).items():
        offsets[name] = end
        end += dtype.itemsize * torch.Size(shape).numel()
        header[name] = {"dtype": names[dtype], "shape": shape, "data_offsets": [offsets[name], end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    content = len(text).to_bytes(8, "little") + text
    return content, {name: len(content) + offset for name, offset in offsets.items()}


def _chunks(raw: RawDataset) -> Iterator[tuple[str, Tensor]]:
    """The rows of every tensor but the checksums, in order and in chunks."""
    size = torch.Size(raw.image_shape).numel()
    for name, split in raw.splits.items():
        order = stratified_order(split.labels) if name == "train" else torch.arange(len(split.labels))
        yield f"{name}/labels", split.labels[order]
        for indices in torch.split(order, max(1, _CHUNK // size)):
            images = split.read(indices)
            yield f"{name}/images", images
            if name == "train":
                yield "train/sums", torch.cat([_sums(part) for part in torch.split(images, max(1, _SUM_CHUNK // size))])


def _sums(images: Tensor) -> Tensor:
    """Sum of the pixels and of their squares, int64 [N, C, 2], of images uint8 [N, C, S, S].

    NumPy computes them, since the threads of torch would wait for one another beside those that decode.
    """
    pixels = images.flatten(2).numpy().astype(np.float64)  # exact up to 2^53, and faster than integers
    return torch.from_numpy(np.stack([pixels.sum(2), np.einsum("ncp,ncp->nc", pixels, pixels)], axis=2)).long()


def _verify(path: Path, stored: Tensor) -> None:
    """Compare the checksums of a file with those in it.

    The file is read in blocks instead of through its mapping, which would count as memory of this process.

    Raises:
        ValueError: They differ.
    """
    with path.open("rb") as file:
        header = 8 + int.from_bytes(file.read(8), "little")
        if not stored.equal(_checksums(file.fileno(), header, header + stored.nbytes)):
            raise ValueError("its content has changed since it was written")


def _checksums(descriptor: int, header: int, start: int) -> Tensor:
    """The CRC-32C of the first `header` bytes of a file, and of each block from `start` to its end, int64."""
    end = os.fstat(descriptor).st_size

    def checksum(position: int) -> int:
        return int(google_crc32c.value(os.pread(descriptor, _BLOCK, position)))

    with ThreadPoolExecutor() as pool:
        blocks = pool.map(checksum, range(start, end, _BLOCK))
        return torch.tensor([google_crc32c.value(os.pread(descriptor, header, 0)), *blocks])

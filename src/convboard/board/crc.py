"""CRC-32C, the checksum of every TensorBoard record, fast enough for pictures.

Tensorboard's own version goes byte by byte in Python (9 MB/s), so that a run's pictures would cost more to check
than to draw, and importing it takes 0.1 s. A CRC is linear over GF(2): this one cuts the data into lanes, runs all
lanes side by side in numpy, and joins neighbours pairwise, the left one moved on by the length of the right one.
See R. N. Williams, "A Painless Guide to CRC Error Detection Algorithms" (1993), for the table method.
"""

import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_LANE = 64  # bytes; long enough to keep the joining short, short enough to keep the byte loop short
_VECTOR_FROM = 2048  # bytes; below, a plain loop is quicker

Words = NDArray[np.uint32]


def masked_crc32c(data: bytes) -> int:
    """CRC-32C of `data`, masked as the TFRecord format wants it (rotated, plus a constant)."""
    crc = _crc32c(data) if len(data) >= _VECTOR_FROM else _crc32c_bytewise(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """One TFRecord: length and its checksum, the data and its checksum, little-endian."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data))))


def _crc32c_bytewise(data: bytes) -> int:
    table = _byte_list()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    """The same, for at least 4 bytes."""
    lanes = 1 << (-(-len(data) // _LANE) - 1).bit_length()
    padded = np.zeros(lanes * _LANE, np.uint8)  # zeros in front leave a CRC that starts from 0 as it is
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF  # the same as starting from all ones
    columns = np.ascontiguousarray(padded.reshape(lanes, _LANE).T).astype(np.uint32)
    table = _byte_table()
    crcs = np.zeros(lanes, np.uint32)
    for column in columns:
        crcs = table[(crcs ^ column) & 0xFF] ^ (crcs >> 8)
    level = 0
    while len(crcs) > 1:
        crcs = _apply(_shift(level), crcs[0::2]) ^ crcs[1::2]
        level += 1
    return int(crcs[0]) ^ 0xFFFFFFFF


@lru_cache(maxsize=1)
def _byte_table() -> Words:
    """What each of the 256 bytes does to a CRC."""
    table: Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (table & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    return table


@lru_cache(maxsize=1)
def _byte_list() -> list[int]:
    numbers: list[int] = _byte_table().tolist()
    return numbers


@lru_cache(maxsize=32)
def _shift(level: int) -> Words:
    """What `_LANE * 2**level` zero bytes do to a CRC: `[4, 256]`, a table for each of its four bytes."""
    if level:
        half = _shift(level - 1)
        return np.stack([_apply(half, row) for row in half])
    table = _byte_table()
    crcs = np.arange(256, dtype=np.uint32)[None] << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    for _ in range(_LANE):
        crcs = table[crcs & 0xFF] ^ (crcs >> 8)
    return crcs


def _apply(shift: Words, crcs: Words) -> Words:
    low: Words = shift[0][crcs & 0xFF] ^ shift[1][(crcs >> 8) & 0xFF]
    high: Words = shift[2][(crcs >> 16) & 0xFF] ^ shift[3][crcs >> 24]
    return low ^ high

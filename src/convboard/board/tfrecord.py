"""The records of an event file, in the format TFRecord."""

import struct

import google_crc32c


def encode_record(data: bytes) -> bytes:
    """One TFRecord: length and its checksum, the data and its checksum, little-endian."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _checksum(length), data, _checksum(data)))


def _checksum(data: bytes) -> bytes:
    """CRC-32C of `data`, masked as the TFRecord format requires it (rotated, plus a constant)."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

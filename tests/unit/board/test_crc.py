import os

import pytest
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from convboard.board.crc import frame, masked_crc32c


@pytest.mark.parametrize("length", [0, 1, 3, 4, 100, 2047, 2048, 2049, 4096, 70_000, 131_072])
def test_agrees_with_tensorboards_own(length: int) -> None:
    data = os.urandom(length)
    assert masked_crc32c(data) == pywrap_tensorflow.masked_crc32c(data)


def test_zeros_in_front_count() -> None:
    assert masked_crc32c(bytes(3000)) != masked_crc32c(bytes(3001))


def test_a_record_is_length_and_data_each_with_its_checksum() -> None:
    record = frame(b"events")
    assert record[:8] == (6).to_bytes(8, "little")
    assert record[8:12] == masked_crc32c(record[:8]).to_bytes(4, "little")
    assert record[12:18] == b"events"
    assert record[18:] == masked_crc32c(b"events").to_bytes(4, "little")

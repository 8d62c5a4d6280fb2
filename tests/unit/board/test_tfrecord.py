import os

import pytest
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

from convboard.board.tfrecord import encode_record


@pytest.mark.parametrize("length", [0, 1, 3, 100, 131_072])
def test_a_record_is_length_and_data_each_with_tensorboards_checksum(length: int) -> None:
    data = os.urandom(length)
    record = encode_record(data)
    size = length.to_bytes(8, "little")
    checksums = [pywrap_tensorflow.masked_crc32c(part).to_bytes(4, "little") for part in (size, data)]
    assert record == b"".join((size, checksums[0], data, checksums[1]))

"""The numbers that a picture is drawn from, carried in the picture itself.

TensorBoard keeps and serves a picture as it is, so what lies in a chunk of the PNG that viewers pass over needs no
tag, no file and no reading of its own. The Layers tab reads it: it can say what a pixel of a picture stands for.

The content: zlib over the length of a header (uint32), the header as JSON, and the arrays' bytes back to back in the
header's order; all little-endian. The header holds the facts, and of each array its name, dtype and shape.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.png import Picture, add_chunk, find_chunk

Arrays = Mapping[str, NDArray[Any]]

_CHUNK = b"cvBd"  # small letters: viewers may pass over it; of nobody else; not to be kept when the pixels change
_LEVEL = 1  # of zlib: higher ones take three times as long, and save a tenth
_HALF = np.finfo(np.float16)


def with_numbers(picture: Picture, facts: Mapping[str, Any], arrays: Arrays) -> Picture:
    """The picture with what it is drawn from inside."""
    return replace(picture, png=add_chunk(picture.png, _CHUNK, pack(facts, arrays)))


def numbers_in(png: bytes) -> bytes | None:
    """What `with_numbers` packed into a PNG file, still packed; None where there is nothing."""
    return find_chunk(png, _CHUNK)


def pack(facts: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Facts, as JSON can hold them, and arrays of any shape as bytes."""
    little = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    described = [{"name": name, "dtype": a.dtype.name, "shape": list(a.shape)} for name, a in little.items()]
    header = json.dumps({"arrays": described, **facts}, ensure_ascii=False).encode()
    content = [struct.pack("<I", len(header)), header, *(array.tobytes() for array in little.values())]
    return zlib.compress(b"".join(content), _LEVEL)


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What was given to `pack`."""
    content = zlib.decompress(packed)
    (length,) = struct.unpack_from("<I", content)
    facts: dict[str, Any] = json.loads(content[4 : 4 + length])
    at, arrays = 4 + length, {}
    for described in facts.pop("arrays"):
        dtype = np.dtype(described["dtype"]).newbyteorder("<")
        count = int(np.prod(described["shape"], dtype=np.int64))
        arrays[described["name"]] = np.frombuffer(content, dtype, count, at).reshape(described["shape"])
        at += count * dtype.itemsize
    return facts, arrays


def halved(values: NDArray[np.float32]) -> NDArray[Any]:
    """The values as float16, whose four digits are enough to be shown; as they are where it has no room for them."""
    sizes = np.abs(values)
    largest = sizes.max(where=np.isfinite(sizes), initial=0.0)
    return values.astype(np.float16) if largest == 0 or _HALF.tiny <= largest <= _HALF.max else values

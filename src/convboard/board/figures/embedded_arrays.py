"""The arrays from which a figure is drawn, embedded in the figure's PNG file.

TensorBoard keeps and serves a PNG unchanged, so a chunk that viewers ignore needs no tag and no file of its own. The
Layers tab reads it: it shows the values behind the pixels of a figure.

The content is compressed by zlib: the length of a header (uint32), the header as JSON, and the arrays' bytes back to
back in the header's order; all little-endian. The header holds the facts, and the name, dtype and shape of each array.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.png import Figure, add_chunk, find_chunk

Arrays = Mapping[str, NDArray[Any]]

_CHUNK = b"cvBd"  # by the case of its letters: viewers may ignore it; private; invalid when the pixels change
_LEVEL = 1  # of zlib: higher ones take three times as long, and save a tenth
_LARGEST_HALF, _SMALLEST_HALF = 2048, 1e-6
_HALF_ERROR = 2**-25  # of float16, where its numbers are densest
_NEGLIGIBLE = 1e-5  # of the largest value


def embed_arrays(figure: Figure, facts: Mapping[str, Any], arrays: Arrays, *, is_noise: bool = False) -> Figure:
    """The figure with facts and arrays embedded; see `pack`."""
    return replace(figure, png=add_chunk(figure.png, _CHUNK, pack(facts, arrays, is_noise=is_noise)))


def packed_arrays(png: bytes) -> bytes | None:
    """Return the data that `embed_arrays` put into a PNG file, as `pack` returned it; None if there is none."""
    return find_chunk(png, _CHUNK)


def pack(facts: Mapping[str, Any], arrays: Arrays, *, is_noise: bool = False) -> bytes:
    """Return facts and arrays as compressed bytes.

    Args:
        facts: What JSON can hold.
        arrays: Of any shape.
        is_noise: Whether the arrays are like noise, as weights are: no sequence of bytes is looked for that comes
            again, which takes a third of the time and gives the same size.
    """
    little = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    described = [{"name": name, "dtype": a.dtype.name, "shape": list(a.shape)} for name, a in little.items()]
    header = json.dumps({"arrays": described, **facts}, ensure_ascii=False).encode()
    content = [struct.pack("<I", len(header)), header, *(array.tobytes() for array in little.values())]
    packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_HUFFMAN_ONLY if is_noise else zlib.Z_DEFAULT_STRATEGY)
    return packer.compress(b"".join(content)) + packer.flush()


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The inverse of `pack`."""
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
    """Return the values as float16, where the Layers tab shows the same digits of all that are not negligible.

    The relative error of float16 is at most 2**-11 from 6e-5 upwards, and below its absolute error is at most 2**-25.
    The tab shows three digits, two below 0.001, and whole numbers from 100 upwards. So values from 1e-6 to 2048 keep
    their digits. Smaller ones do not, as in any layer of many weights, and may be rounded to zero; this error must be
    below 1e-5 of the largest value, or else all values stay as they are.
    """
    sizes = np.abs(values)
    largest = sizes.max(where=np.isfinite(sizes), initial=0.0)
    smallest = sizes.min(where=sizes > 0, initial=np.inf)
    is_fine = smallest >= _SMALLEST_HALF or largest * _NEGLIGIBLE >= _HALF_ERROR
    return values.astype(np.float16) if largest <= _LARGEST_HALF and is_fine else values

"""Read one image file of any format that Pillow decodes, as a rectangle of pixels."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convboard.data.sources.image_formats import describe_content, formats, reads_heif
from convboard.data.sources.source import UnreadableError
from convboard.data.sources.value_range import FULL, Kind, ValueRanges, common_range, kind_of_mode

if reads_heif():
    with suppress(ImportError):  # without its library
        from pillow_heif import register_heif_opener

        register_heif_opener()

_GREY = {"1", "L", "LA", "La", "F"}


class ImageHeader(NamedTuple):
    """What the header of an image file says.

    Attributes:
        is_grey: Whether it has no colours.
        kind: The kind of its values if they are deeper than 8 bits; else None.
        is_cut: Whether its colours have 16 bits, of which Pillow reads the upper 8.
        size: Its width and height in pixels.
    """

    is_grey: bool
    kind: Kind | None
    is_cut: bool
    size: tuple[int, int]


@contextmanager
def large_allowed() -> Iterator[None]:
    """Open images of up to 179 million pixels without a warning; larger ones remain an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def open_image(path: Path) -> Image.Image:
    """Open an image file in one of the formats that are read; others would start programs, or read other files."""
    return Image.open(path, formats=formats(path))


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file.

    Raises:
        UnreadableError: It cannot be read as an image.
    """
    try:
        with open_image(path) as picture:
            kind = kind_of_mode(picture.mode)
            is_grey = picture.mode in _GREY or kind is not None
            tiles = getattr(picture, "tile", ())  # with the names of the decoders, such as RGB;16B
            is_cut = kind is None and any(";16" in str(tile.args) for tile in tiles)
            return ImageHeader(is_grey, kind, is_cut, picture.size)
    except Exception as problem:  # Pillow's parsers raise many types: struct.error, SyntaxError, ...
        raise _unreadable(path, problem) from None


def read_ranges(path: Path) -> list[tuple[float, float]]:
    """Read the least and the greatest value of an image file; nothing if it has no finite ones.

    Raises:
        UnreadableError: It cannot be read as an image.
    """
    try:
        with open_image(path) as picture:
            return _own_ranges(picture)
    except Exception as problem:  # as above
        raise _unreadable(path, problem) from None


def read_picture(path: Path, size: tuple[int, int], channels: int, fit: str, ranges: ValueRanges) -> NDArray[np.uint8]:
    """Read an image into a rectangle.

    The image is rotated by its EXIF orientation, and transparent pixels are blended with white, as most viewers do. Of
    an animation, the first frame is read. An image is scaled with antialiasing.

    Args:
        path: The file.
        size: Width and height of the rectangle in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: See `fitted`.
        ranges: See `to_bytes`.

    Returns:
        uint8 [channels, height, width].

    Raises:
        UnreadableError: It cannot be read.
    """
    width, height = size
    try:
        with open_image(path) as opened:
            opened.draft(None, (2 * width, 2 * height))  # a JPEG is decoded faster at a fraction of its size
            picture = plain(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB", ranges)
        picture = fitted(picture, size, fit)
    except Exception as problem:  # as above
        raise _unreadable(path, problem) from None
    return np.array(picture, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


def find_problem(path: Path) -> UnreadableError | None:
    """Decode an image; return why it cannot be read, or None."""
    try:
        read_picture(path, (64, 64), 3, "pad", FULL)
    except UnreadableError as problem:
        return problem
    return None


def fitted(picture: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Bring an image to a size.

    Args:
        picture: The image.
        size: The new width and height in pixels.
        fit: `pad` puts the whole image, in proportion and never scaled up, into the middle of a black rectangle; `crop`
            takes the largest part in the middle that has the proportions of `size`; `stretch` changes the proportions.
    """
    width, height = size
    if fit == "pad":
        picture.thumbnail(size, Image.Resampling.BICUBIC)
        framed = Image.new(picture.mode, size)
        framed.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
        return framed
    box = (0.0, 0.0, float(picture.width), float(picture.height))
    if fit == "crop":
        scale = min(picture.width / width, picture.height / height)
        left, top = max(0.0, (picture.width - scale * width) / 2), max(0.0, (picture.height - scale * height) / 2)
        box = (left, top, picture.width - left, picture.height - top)
    return picture.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)


def plain(picture: Image.Image, mode: str, ranges: ValueRanges) -> Image.Image:
    """Convert an image of any mode to `L` or `RGB`, and blend transparent pixels with white.

    Args:
        picture: The image.
        mode: `L` or `RGB`.
        ranges: See `to_bytes`.
    """
    kind = kind_of_mode(picture.mode)
    if kind:
        picture = to_bytes(picture, kind, ranges)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def range_in(picture: Image.Image, kind: Kind, ranges: ValueRanges) -> tuple[float, float]:
    """Return the range of `kind` in `ranges`, or else that of an image."""
    return ranges.get(kind) or common_range(kind, _own_ranges(picture))


def _own_ranges(picture: Image.Image) -> list[tuple[float, float]]:
    """The least and the greatest finite value of an image, if it has any."""
    values = np.asarray(picture)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return [(float(values.min()), float(values.max()))] if values.size else []


def to_bytes(picture: Image.Image, kind: Kind, ranges: ValueRanges) -> Image.Image:
    """Return an image with 8 bits per pixel, in which a range of values goes from 0 to 255.

    Args:
        picture: An image of more than 8 bits.
        kind: The kind of its values.
        ranges: See `range_in`.
    """
    low, high = range_in(picture, kind, ranges)
    values = np.asarray(picture)
    if (low, high) == FULL["integer"]:
        return Image.fromarray((values.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    scaled = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low) - low
    return Image.fromarray((scaled * (255 / ((high - low) or 1))).round().clip(0, 255).astype(np.uint8))


def _unreadable(path: Path, problem: Exception) -> UnreadableError:
    if isinstance(problem, UnidentifiedImageError):
        return UnreadableError(path, describe_content(path))
    system = problem.strerror if isinstance(problem, OSError) else None  # without the path again
    return UnreadableError(path, system or str(problem) or type(problem).__name__)

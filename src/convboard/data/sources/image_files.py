"""Read one image file of any format that Pillow knows, as a square of pixels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from convboard.errors import DataError

_GREY = {"1", "L", "LA", "La", "F"}


def is_grey(path: Path) -> bool:
    """Return whether an image file has no colours, by its header.

    Args:
        path: The file.

    Raises:
        DataError: It cannot be read as an image.
    """
    try:
        with Image.open(path) as picture:
            return _has_grey_mode(picture)
    except Exception as problem:  # Pillow's parsers raise many types: struct.error, SyntaxError, ...
        raise _unreadable(path, problem) from None


def read_picture(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """Read an image into the middle of a black square.

    The image is rotated by its EXIF orientation, and transparent pixels are blended with white, as most viewers do. Of
    an animation, the first frame is read. An image that is larger than the square is scaled down with antialiasing and
    keeps its proportions; it is never scaled up.

    Args:
        path: The file.
        size: Side of the square in pixels.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 [channels, size, size].

    Raises:
        DataError: It cannot be read.
    """
    try:
        with Image.open(path) as opened:
            opened.draft(None, (2 * size, 2 * size))  # a JPEG is decoded faster at a fraction of its size
            picture = plain(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB")
        picture.thumbnail((size, size), Image.Resampling.BICUBIC)
    except Exception as problem:  # as above
        raise _unreadable(path, problem) from None
    square = Image.new(picture.mode, (size, size))
    square.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
    return np.array(square, dtype=np.uint8).reshape(size, size, channels).transpose(2, 0, 1)


def _has_grey_mode(picture: Image.Image) -> bool:
    return picture.mode in _GREY or picture.mode.startswith("I")


def plain(picture: Image.Image, mode: str) -> Image.Image:
    """Convert an image of any mode to `L` or `RGB`, and blend transparent pixels with white.

    Args:
        picture: The image.
        mode: `L` or `RGB`.
    """
    if picture.mode.startswith("I"):  # 16 bits per pixel, stored in 16 or 32
        deep = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8))
    elif picture.mode == "F":  # usually from 0 to 1
        picture = Image.fromarray((np.asarray(picture) * 255).round().clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _unreadable(path: Path, problem: Exception) -> DataError:
    return DataError(f"{path} cannot be read as a picture: {problem}. Replace it, or remove it from the folder.")

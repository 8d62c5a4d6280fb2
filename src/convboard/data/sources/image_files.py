"""One picture file, of whatever kind Pillow can read, as a square of pixels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from convboard.errors import DataError

_GREY = {"1", "L", "LA", "La", "F"}


def is_grey(path: Path) -> bool:
    """Whether a picture file's format has no colours. Reads its header only.

    Raises:
        DataError: It is no picture that can be read.
    """
    try:
        with Image.open(path) as picture:
            return _has_grey_mode(picture)
    except Exception as problem:  # Pillow raises whatever its parsers met: struct.error, SyntaxError, ...
        raise _unreadable(path, problem) from None


def read_picture(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """Read a picture into the middle of a black square.

    Turned as its camera says (EXIF); its first frame, if it moves; what is transparent over white, as most viewers
    show it. Scaled down, in proportion and antialiased, if larger than the square; never scaled up.

    Args:
        path: The file.
        size: Side of the square in pixels.
        channels: 1 for grey, 3 for RGB.

    Returns:
        `[channels, size, size]`.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with Image.open(path) as opened:
            opened.draft(None, (2 * size, 2 * size))  # a JPEG can be decoded at half its size and less, faster
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
    """A picture of any mode as `L` or `RGB`; what is transparent over white."""
    if picture.mode.startswith("I"):  # 16 bits a pixel, in 16 or 32
        deep = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8))
    elif picture.mode == "F":  # by custom from 0 to 1
        picture = Image.fromarray((np.asarray(picture) * 255).round().clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _unreadable(path: Path, problem: Exception) -> DataError:
    return DataError(f"{path} cannot be read as a picture: {problem}. Replace it, or remove it from the folder.")

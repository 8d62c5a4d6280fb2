"""An image file of the user's own, of any size and kind, as a network's input."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from convboard.data.dataset import ImageShape
from convboard.data.sources.image_files import large_allowed, open_image, plain, range_in, read_picture
from convboard.data.sources.value_range import ValueRanges, describe_range, kind_of_mode
from convboard.errors import DataError

_DISPLAY_SIZE = 640  # pixels of the longer side of the image for display
_MEGAPIXELS = 1e6


@dataclass(frozen=True)
class UserImage:
    """An image as a network's input, and for display.

    Attributes:
        name: The file's name.
        size: (width, height) in pixels, upright.
        mode: Pillow's mode of its pixels, such as `RGB`.
        pixels: uint8 `[C, H, W]`, the network's input.
        given: uint8 `[h, w, 3]`, the whole image, scaled down if it is large.
        seen: uint8 `[h, w, 3]`, the part of it that `pixels` shows, at a higher resolution.
        region: (left, top, right, bottom) of that part, as fractions of the image's width and height; it may reach
            beyond the image, where everything is black.
        fit: See `read_user_image`.
        scaled: How values of more than 8 bits became 8 bits; empty if there are none.
    """

    name: str
    size: tuple[int, int]
    mode: str
    pixels: NDArray[np.uint8]
    given: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    region: tuple[float, float, float, float]
    fit: str
    scaled: str = ""

    def describe(self) -> str:
        """File and conversion: `cat.jpg, 640x480 RGB → 1x32x32 grey, centre cropped`."""
        (width, height), (channels, rows, columns) = self.size, self.pixels.shape
        done = ""
        if self.fit == "pad":
            done = ", in a black frame" if (columns, rows) != self.size else ""
        elif width * rows != height * columns:
            done = ", centre cropped" if self.fit == "crop" else ", stretched"
        if self.scaled:
            done += f", {self.scaled}"
        colours = "grey" if channels == 1 else "colour"
        return f"{self.name}, {width}x{height} {self.mode} → {channels}x{rows}x{columns} {colours}{done}"


def read_user_image(
    path: Path, shape: ImageShape, fit: str = "crop", invert: bool = False, ranges: ValueRanges | None = None
) -> UserImage:
    """Read an image and convert it to a network's input shape, antialiased.

    It is rotated by its EXIF data. The first frame of an animation is used, and transparent pixels become white.

    Args:
        path: The file.
        shape: (C, H, W) of the network's input; C is 1 for grey or 3 for colour.
        fit: `crop` cuts off what is left over on both sides when the image fills the shape; `pad` puts the whole image
            into the middle of a black rectangle; `stretch` changes its proportions.
        invert: Invert the brightness.
        ranges: The ranges of values that become black and white, of pixels of more than 8 bits; None: the image's own.

    Raises:
        DataError: The file does not exist, is no image, is damaged, or is too large.
    """
    channels, height, width = shape
    if path.is_dir():
        raise _error(path, f"is a folder: give one picture, such as image={path / 'cat.jpg'}.")
    if not path.exists():
        raise _error(path, "is not there: give the path of a picture, such as a .jpg or .png file.")
    if not path.is_file():
        raise _error(path, "is no regular file: give the path of a picture, such as a .jpg or .png file.")
    decoded = _decode(path, shape, ranges or {})
    region = _region(decoded.size, (width, height), fit)
    with large_allowed():
        pixels = read_picture(path, (width, height), channels, fit, decoded.ranges)
    seen = _seen(decoded.picture, region, (width, height))
    decoded.given.thumbnail((_DISPLAY_SIZE, _DISPLAY_SIZE), Image.Resampling.LANCZOS)
    if invert:
        pixels, seen = 255 - pixels, 255 - seen
    given = np.asarray(decoded.given)
    return UserImage(path.name, decoded.size, decoded.mode, pixels, given, seen, region, fit, decoded.scaled)


class _Decoded(NamedTuple):
    """An image file for display.

    Attributes:
        picture: It in the network's colours, upright. It may be smaller than the file's, as `given`.
        given: It in RGB, upright.
        size: (width, height) in pixels, upright.
        mode: Pillow's mode of the pixels in the file.
        ranges: The ranges of values of more than 8 bits.
        scaled: See `UserImage`.
    """

    picture: Image.Image
    given: Image.Image
    size: tuple[int, int]
    mode: str
    ranges: ValueRanges
    scaled: str


def _decode(path: Path, shape: ImageShape, ranges: ValueRanges) -> _Decoded:
    """Decode an image, at least as large as is needed for `shape`, (C, H, W), and for display."""
    channels, height, width = shape
    try:
        with large_allowed(), open_image(path) as opened:
            mode = opened.mode
            turned = opened.getexif().get(0x0112, 1) >= 5  # by a quarter
            size = opened.size[::-1] if turned else opened.size
            # A JPEG can be decoded at a half, a quarter or an eighth of its size.
            opened.draft(None, (max(2 * width, _DISPLAY_SIZE), max(2 * height, _DISPLAY_SIZE)))
            upright = ImageOps.exif_transpose(opened)
            kind, scaled = kind_of_mode(mode), ""
            if kind:
                ranges = {**ranges, kind: range_in(upright, kind, ranges)}
                scaled = describe_range(kind, *ranges[kind])
            picture = plain(upright, "L" if channels == 1 else "RGB", ranges)
            given = plain(upright, "RGB", ranges)
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / _MEGAPIXELS
        raise _error(path, f"has more than {most:.0f} million pixels: make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise _error(path, "is not a picture of a kind that can be read (JPEG, PNG, ...).") from error
    except Exception as problem:  # Pillow's parsers raise struct.error, SyntaxError and others
        raise _error(path, f"cannot be read: {problem}. It may be damaged: save it anew.") from problem
    return _Decoded(picture, given, size, mode, ranges, scaled)


def _error(path: Path, problem: str) -> DataError:
    """The error for a file, named by the argument of the command."""
    return DataError(f"image={path} {problem}", arguments=("image",))


def _region(size: tuple[int, int], wanted: tuple[int, int], fit: str) -> tuple[float, float, float, float]:
    """The part of an image of `size` that is shown in `wanted` (both width, height), as fractions of its sides."""
    if fit == "stretch":
        return 0.0, 0.0, 1.0, 1.0
    (width, height), (columns, rows) = size, wanted
    scale = (min if fit == "crop" else max)(width / columns, height / rows)
    if fit == "pad":
        scale = max(scale, 1.0)  # never scaled up
    across, down = scale * columns / width, scale * rows / height
    return (1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2


def _seen(picture: Image.Image, region: tuple[float, ...], wanted: tuple[int, int]) -> NDArray[np.uint8]:
    """A region of an image, at its own resolution up to `_DISPLAY_SIZE` pixels, in the proportions of `wanted`."""
    left, top, right, bottom = (round(share * side) for share, side in zip(region, 2 * picture.size, strict=True))
    part = picture.convert("RGB").crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    scale = min(_DISPLAY_SIZE, max(*part.size, *wanted)) / max(wanted)
    size = max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale))
    enlarges = size[0] > part.width
    how = Image.Resampling.NEAREST if enlarges else Image.Resampling.LANCZOS
    return np.asarray(part.resize(size, how))

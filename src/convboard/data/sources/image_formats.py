"""The formats of image files that are read, by the endings of their names. Pillow is not imported here."""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_FORMATS = {
    "JPEG": ".jpg .jpeg .jfif .jpe .mpo",
    "PNG": ".png .apng",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif .tiff",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    "AVIF": ".avif .avifs",
    "JPEG2000": ".jp2 .j2k .j2c .jpc .jpf .jpx",
    "BLP": ".blp",
    "CUR": ".cur",
    "DCX": ".dcx",
    "DDS": ".dds",
    "DIB": ".dib",
    "FITS": ".fits .fit",
    "FLI": ".fli .flc",
    "FTEX": ".ftc .ftu",
    "GBR": ".gbr",
    "ICNS": ".icns",
    "ICO": ".ico",
    "IM": ".im",
    "MSP": ".msp",
    "PCD": ".pcd",
    "PCX": ".pcx",
    "PIXAR": ".pxr",
    "PSD": ".psd",
    "QOI": ".qoi",
    "SGI": ".sgi .bw .rgb .rgba",
    "SUN": ".ras",
    "XBM": ".xbm",
    "XPM": ".xpm",
}
"""Endings by Pillow's name of the format, the usual ones first. These formats are opened whatever a file's ending is.

Left out are those that Pillow does not decode itself: EPS, which starts Ghostscript, WMF, BUFR, GRIB, HDF5 and MPEG.
"""

_WITHOUT_SIGNATURE = {"TGA": ".tga .icb .vda .vst"}  # opened only by its ending: other damaged files may look like it
_HEIF = (".heic", ".heif", ".hif")
_HEIF_SIGNATURES = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")
_SHOWN = 10  # kinds of files in a message


@cache
def reads_heif() -> bool:
    """Return whether the package `pillow_heif` is installed, which reads the pictures of iPhones."""
    return find_spec("pillow_heif") is not None


@cache
def extensions() -> frozenset[str]:
    """Return the endings of the names of image files, in lower case."""
    endings = " ".join((_FORMATS | _WITHOUT_SIGNATURE).values()).split()
    return frozenset([*endings, *(_HEIF if reads_heif() else ())])


def formats(path: Path) -> list[str]:
    """Return Pillow's names of the formats in which a file may be opened."""
    by_ending = [name for name, endings in _WITHOUT_SIGNATURE.items() if path.suffix.lower() in endings.split()]
    return [*_FORMATS, *(["HEIF"] if reads_heif() else []), *by_ending]


def kind_of(path: Path) -> str:
    """Return what a file that is no image is counted as: the ending of its name, in lower case."""
    return path.suffix.lower() or "without an ending"


def describe_content(path: Path) -> str:
    """Return what a file is whose format is none of those that are read.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(512)
    if not begin:
        return "it is empty"
    if begin.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page"
    if begin[4:12] in _HEIF_SIGNATURES:
        return "it is a HEIC picture; to read it, install convboard[heif], or the package pillow-heif"
    is_text = all(code >= 32 or code in b"\t\n\r" for code in begin)
    return "it is a text" if is_text and begin.isascii() else "its format is none of those that are read"


def count_kinds(kinds: Mapping[str, int]) -> str:
    """Return `12 files: 8 .heic, 4 .txt`, and how to read HEIF pictures if they are among them.

    Args:
        kinds: Number of files by `kind_of`.
    """
    total = sum(kinds.values())
    parts = [f"{number:,} {kind}" for kind, number in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))]
    more = f", and {len(parts) - _SHOWN} other kinds" if len(parts) > _SHOWN else ""
    text = f"{total:,} file{'' if total == 1 else 's'}: {', '.join(parts[:_SHOWN])}{more}"
    if any(kind in _HEIF for kind in kinds) and not reads_heif():
        text += " (to read HEIC pictures, install convboard[heif], or the package pillow-heif)"
    return text

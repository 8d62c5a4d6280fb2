"""PNG files that remember that they were drawn here and of what, so that no other file is ever overwritten."""

import json
import struct
import zlib
from pathlib import Path

from PIL import Image

from convboard.board.figures.png import Picture
from convboard.errors import RunError
from convboard.files import atomic_write_bytes

_KEYWORD = "convboard"
_AFTER_HEADER = 8 + 25  # bytes of the signature and of the IHDR chunk


def free_path(path: Path, source: str) -> Path:
    """`path`, or with `-2`, `-3` and so on added to its name: the first that is free or was drawn of `source`."""
    number = 1
    candidate = path
    while candidate.exists() and source_of(candidate) != source:
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def source_of(path: Path) -> str | None:
    """What a sheet was drawn of; None where the file is none."""
    try:
        with Image.open(path) as picture:
            return str(json.loads(picture.info[_KEYWORD])["source"])
    except (OSError, KeyError, TypeError, ValueError, SyntaxError):
        return None


def write_sheet(path: Path, picture: Picture, source: str) -> None:
    """Write a sheet that remembers `source`; folders above it are made.

    Raises:
        RunError: It cannot be written.
    """
    text = f"{_KEYWORD}\0{json.dumps({'source': source})}".encode("ascii")
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    content = picture.png[:_AFTER_HEADER] + chunk + picture.png[_AFTER_HEADER:]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, content)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror}. Choose another place with out=<file>.png."
        ) from error

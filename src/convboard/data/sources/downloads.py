"""Sources that torchvision downloads: its addresses, mirrors and checksums, with the gaps closed.

The gaps: two processes would write the same file, one that was killed would leave half a file that passes for a
whole one, and without a network a stack trace says little of what to do. So a download goes to a folder of its own,
under a lock that the caller holds, and only whole files are moved to their place.
"""

import hashlib
import http.client
import io
import logging
import shutil
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, ClassVar

from convboard.data.sources.source import Source
from convboard.errors import DataError

_log = logging.getLogger(__name__)

_TIMEOUT = 15  # seconds without a byte before a download is given up


class Download(Source):
    """A source in one of torchvision's layouts.

    Attributes:
        title: What people call it.
        torchvision_name: The name of its class in torchvision.datasets.
        place: Its folder, relative to `data_dir`.
        md5: Of each of its files, from the original distribution; None where only the archive's is published.
        archives: What is downloaded, relative to `data_dir`; they serve in place of the files.
    """

    title: ClassVar[str]
    torchvision_name: ClassVar[str]
    place: ClassVar[str]
    md5: ClassVar[Mapping[str, str | None]]
    archives: ClassVar[Sequence[str]]

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir
        self.folder = data_dir / self.place

    def reader(self) -> Any:
        """Its class in torchvision, which takes seconds to import."""
        from torchvision import datasets

        return getattr(datasets, self.torchvision_name)

    def files(self) -> Sequence[Path]:
        """The files after unpacking."""
        return [self.folder / name for name in self.md5]

    def provide(self, download: bool) -> None:
        """Download what is missing. The caller holds the source's lock."""
        missing = [path for path in self.files() if not path.is_file()]
        if not missing:
            return
        if not download:
            raise DataError(self._absent(missing, "is not to be downloaded (download=False)"))
        _log.info("Downloading %s to %s", self.title, self.folder)
        try:
            self._download(missing)
        except (OSError, RuntimeError, http.client.HTTPException, EOFError) as problem:
            raise DataError(self._absent(missing, f"could not be downloaded: {_reason(problem)}")) from None

    def check(self) -> None:
        """Compare all files with the original distribution's checksums, before anything in them is believed.

        Raises:
            DataError: A file is not the original.
        """
        for name, expected in self.md5.items():
            path = self.folder / name
            with path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if expected is not None and found != expected:
                raise damaged(path, f"its MD5 is {found}, the original's is {expected}")

    def _download(self, missing: Sequence[Path]) -> None:
        staging = self.root / f".download-{self.name}"
        # Of an interrupted download only archives are kept: torchvision checks those, but not what it unpacked.
        for left in [path for path in staging.rglob("*") if path.is_file()]:
            if str(left.relative_to(staging)) not in self.archives:
                left.unlink()
        for archive in self.archives:
            if (self.root / archive).is_file() and not (staging / archive).exists():
                (staging / archive).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / archive, staging / archive)
        try:
            with _quiet():
                self.reader()(staging, train=True, download=True)
        finally:
            if not any(path.is_file() for path in staging.rglob("*")):
                shutil.rmtree(staging, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            (staging / self.place / path.name).replace(path)
        shutil.rmtree(staging)

    def _absent(self, missing: Sequence[Path], why: str) -> str:
        paths = "\n".join(f"  {path}" for path in missing)
        archives = ", ".join(Path(archive).name for archive in self.archives)
        return (
            f"{self.title} is not in {self.root}, and {why}.\nTo train without a network, take the digits that "
            f"are built in: dataset=digits\nOr put these files there by hand:\n{paths}\nThe archives will do as "
            f"well, in {(self.root / self.archives[0]).parent}: {archives}"
        )


def damaged(path: Path, why: str) -> DataError:
    """The error for a file that is not what its publisher gave out."""
    return DataError(f"{path} is damaged: {why}. Delete it and run again to download it, or put the original back.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torchvision from waiting for ever, and from drawing progress bars where nobody watches."""
    timeout = socket.getdefaulttimeout()
    watched = sys.stderr.isatty()
    sink = io.StringIO()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        with redirect_stdout(sink), nullcontext() if watched else redirect_stderr(sink), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, about the age of CIFAR-10's pickles
            yield
    finally:
        socket.setdefaulttimeout(timeout)


def _reason(problem: BaseException) -> str:
    """What went wrong, in the words of the first cause, without torchvision's list of attempts."""
    lines = [line.strip(" <>.") for line in str(problem).splitlines() if line.strip()]
    last = lines[-1] if lines else type(problem).__name__
    return last.removeprefix("urlopen error ")

"""Sources that torchvision downloads, from its addresses and mirrors and with its checksums.

torchvision alone does not do: two processes would write the same file, a killed download leaves a partial file that is
taken for a whole one, and without a network its stack trace does not say what to do. A download therefore goes to a
folder of its own, under a lock that the caller holds, and only complete files are moved to their place.
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

_TIMEOUT = 15  # seconds without a byte after which a download fails


class MissingFilesError(DataError):
    """The files of a data set are missing and cannot be downloaded.

    Attributes:
        reason: The missing files, and why they were not downloaded.
        remedy: Which files to put where.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}\n{remedy[0].upper()}{remedy[1:]}")
        self.reason, self.remedy = reason, remedy


class Download(Source):
    """A source in one of torchvision's layouts.

    Attributes:
        title: The data set's name in messages.
        torchvision_name: The name of its class in torchvision.datasets.
        place: Its folder, relative to `data_dir`.
        md5: MD5 of each of its files in the original distribution; None if only that of the archive is published.
        archives: The files that are downloaded, relative to `data_dir`. They can take the place of the files.
    """

    title: ClassVar[str]
    torchvision_name: ClassVar[str]
    place: ClassVar[str]
    md5: ClassVar[Mapping[str, str | None]]
    archives: ClassVar[Sequence[str]]

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir
        self.folder = data_dir / self.place
        self.cache = self.folder / f"convboard-{self.name}"

    def reader(self) -> Any:
        """Return its class in torchvision."""
        from torchvision import datasets  # deferred for start-up time: takes seconds to import

        return getattr(datasets, self.torchvision_name)

    def files(self) -> Sequence[Path]:
        """Return the files of the unpacked archives."""
        return [self.folder / name for name in self.md5]

    def provide(self, download: bool) -> None:
        """Download missing files. The caller holds the lock of the source.

        Args:
            download: Whether this is allowed.

        Raises:
            MissingFilesError: A file is missing and cannot be downloaded.
        """
        missing = [path for path in self.files() if not path.is_file()]
        if not missing:
            return
        if not download:
            raise self._missing(missing, "is not to be downloaded (download=False)")
        _log.info("Downloading %s to %s", self.title, self.folder)
        try:
            self._download(missing)
        except (OSError, RuntimeError, http.client.HTTPException, EOFError) as problem:
            raise self._missing(missing, f"could not be downloaded: {_reason(problem)}") from None

    def check(self) -> None:
        """Compare all files with the checksums of the original distribution, before they are read.

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
        # Of an interrupted download only archives are kept: torchvision checks these, but not the unpacked files.
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

    def _missing(self, missing: Sequence[Path], why: str) -> MissingFilesError:
        paths = "\n".join(f"  {path}" for path in missing)
        archives = ", ".join(Path(archive).name for archive in self.archives)
        return MissingFilesError(
            f"{self.title} is not in {self.root}, and {why}.",
            f"put these files there by hand:\n{paths}\nThe archives will do as well, in "
            f"{(self.root / self.archives[0]).parent}: {archives}",
        )


def damaged(path: Path, why: str) -> DataError:
    """Return the error for a file that differs from the original distribution; `why` says how."""
    return DataError(f"{path} is damaged: {why}. Delete it and run again to download it, or put the original back.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Give torchvision a timeout, and hide its progress bars if stderr is not a terminal."""
    timeout = socket.getdefaulttimeout()
    is_terminal = sys.stderr.isatty()
    sink = io.StringIO()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        with redirect_stdout(sink), nullcontext() if is_terminal else redirect_stderr(sink), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns about the old pickles of CIFAR-10
            yield
    finally:
        socket.setdefaulttimeout(timeout)


def _reason(problem: BaseException) -> str:
    """The first cause of an exception, without torchvision's list of attempts."""
    lines = [line.strip(" <>.") for line in str(problem).splitlines() if line.strip()]
    last = lines[-1] if lines else type(problem).__name__
    return last.removeprefix("urlopen error ")

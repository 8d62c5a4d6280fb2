"""The permissions of files, which root passes over: tests as root have to give up this right for a while."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_VERSION = 0x20080522  # of the structures below, see capset(2)
_PASS_OVER = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextmanager
def permissions(path: Path, mode: int) -> Iterator[None]:
    """Within, a file or folder has other permissions, which hold for this thread although it may be root's."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        with _ordinary():
            yield
    finally:
        path.chmod(before)


@contextmanager
def _ordinary() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header, data = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    if not hasattr(libc, "capset") or libc.capget(header, data) != 0:
        pytest.skip("root cannot give up the right to pass over permissions here")
    effective = data[0]
    data[0] = effective & ~_PASS_OVER
    assert libc.capset(header, data) == 0
    try:
        yield
    finally:
        data[0] = effective
        assert libc.capset(header, data) == 0

"""A setting of the C library: its allocator keeps the memory that a training step frees for the next step."""

import ctypes
import sys

# From malloc.h of glibc; see mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_THRESHOLD = 32 * 1024**2  # the maximum of glibc on 64-bit machines
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks of up to 32 MiB, for the rest of the process.

    On the CPU, torch allocates every activation anew in each step. By default glibc returns large blocks to the system
    as soon as they are free, and the next step waits until their pages are mapped and cleared again. torch has no
    setting for it, and glibc reads MALLOC_TRIM_THRESHOLD_ only at the start of a process; other C libraries are left
    as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)

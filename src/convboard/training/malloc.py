"""Memory that a training step frees is kept for the next one, instead of being given back to the system."""

import ctypes
import sys

# Of glibc's malloc.h; see mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_THRESHOLD = 32 * 1024**2  # glibc takes no larger one on 64-bit machines
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks of up to 32 MiB, for the rest of the process.

    Torch asks it for the memory of every activation on the CPU, in every step anew. Left as it is, glibc gives large
    blocks back to the system as soon as they are free, and the next step waits for each of their pages to be handed
    out and cleared again. Other C libraries go about it in their own ways, and are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)

"""Memory that training frees stays with the process.

Every step allocates and frees the same tensors, tens of megabytes each. By default glibc maps such blocks anew each time,
and the kernel zeroes their pages again; kept in the heap, they are reused.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 1 << 30


def keep_freed_memory() -> bool:
    """Ask glibc's allocator for that, for this process from now on; whether there is one to ask."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, LARGEST))

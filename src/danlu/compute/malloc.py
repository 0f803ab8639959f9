"""When freed memory stays with the process, and when it goes back.

Every step of a training allocates and frees the same tensors, tens of megabytes each. By default glibc maps such blocks anew
each time, and the kernel zeroes their pages again; kept in the heap, they are reused. Between two pieces of work that heap is
of no use to anybody.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 1 << 30


def keep_freed_memory() -> bool:
    """Ask glibc's allocator to keep what is freed, for this process from now on; whether there is one to ask."""
    mallopt = _glibc("mallopt")
    return mallopt is not None and bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, LARGEST))


def release_freed_memory() -> bool:
    """Give the kernel back what is free in the heap now; whether any was. (A process that does one stage after another had
    4.1 GB by the last one of the quickstart, and 3.3 with this.)"""
    gc.collect()
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc's allocator; None with another C library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None

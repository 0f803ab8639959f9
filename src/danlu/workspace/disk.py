"""Room on the disk: how much is free, whether it is enough, and whether an error means that there is none left.

What is known is the file system's own figure. A quota of the user or of a container may be smaller; then the write itself
says so.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from danlu.workspace.errors import DanluError

RESERVE_BYTES = 32_000_000
"""Kept free for states, ledgers and reports, so that a run that stops for want of room can still say how far it is."""
NOTHING_BYTES = 1_000_000
"""With less than this free, whatever a library says it failed of, it failed of this."""
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

_SQLITE_FULL = 13  # the primary code of SQLite's "database or disk is full"
_TELLING = ("no space left on device", "os error 28", "disk is full", "disk quota exceeded")


def size_words(amount: float) -> str:
    """Bytes in words: `3.1 GB`; powers of 1,000."""
    power = 0
    while abs(amount) >= 999.5 and power < len(UNITS) - 1:
        amount, power = amount / 1000, power + 1
    return f"{amount:.0f} {UNITS[power]}" if power == 0 or abs(amount) >= 99.95 else f"{amount:.1f} {UNITS[power]}"


def parse_size(written: str) -> int:
    """Bytes of a size such as `10GB`, `1.5TB` or `512MiB`; ValueError if it is none."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b\s*", written, re.IGNORECASE)
    if not found:
        raise ValueError(written)
    power = "kmgtp".index(found[2].lower()) + 1 if found[2] else 0
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def free_bytes(path: Path) -> int:
    """Bytes that this user can still write on the file system of `path`, which need not exist yet."""
    found = _existing(path)
    status = os.statvfs(found)
    return status.f_bavail * status.f_frsize


def tree_bytes(path: Path) -> int:
    """Bytes of all files below a folder, or of a file; what goes away meanwhile counts nothing."""
    total = 0
    try:
        if not path.is_dir():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += tree_bytes(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        pass
    return total


def require_space(path: Path, needed: float) -> None:
    """DanluError unless `needed` bytes, and a reserve for the records of the run, can be written where `path` is."""
    free = free_bytes(path)
    if free < needed + RESERVE_BYTES:
        raise DanluError(
            "workspace.disk-too-small", where=str(path), needed=size_words(needed + RESERVE_BYTES), free=size_words(free)
        )


def explain_full(error: BaseException, path: Path) -> DanluError | None:
    """The error in words if `error`, whatever library raised it, means that the file system of `path` is full."""
    if isinstance(error, DanluError):
        return None
    where = str(getattr(error, "filename", None) or path)
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return DanluError("workspace.file-too-large", where=where)
    says_why = isinstance(error, OSError) and error.errno is not None
    if not _says_full(error) and (says_why or not _nothing_left(path)):
        return None
    status = os.statvfs(_existing(path))
    if status.f_files and not status.f_favail:
        return DanluError("workspace.no-inodes", where=where)
    return DanluError("workspace.disk-full", where=where, free=size_words(status.f_bavail * status.f_frsize))


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == _SQLITE_FULL:
        return True
    words = str(error).lower()
    return any(telling in words for telling in _TELLING)


def _nothing_left(path: Path) -> bool:
    try:
        return free_bytes(path) < NOTHING_BYTES
    except OSError:
        return False


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    found = path.absolute()
    while not found.exists() and found != found.parent:
        found = found.parent
    return found

"""Files that are compressed (`texts.jsonl.gz`, `texts.txt.zst`), read as if they were not.

What is named by the bare name (`texts.jsonl`) is the same for both. A file that is cut short or damaged gives what stands
before the damage, or an error where half a file is of no use.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from danlu.workspace.errors import DanluError

_STEP = 1 << 16  # bytes asked for at once: an error takes at most so many along that were sound before it


class _Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def bare_name(name: str) -> str:
    """A file name without what says how it is compressed: `a.jsonl.gz` -> `a.jsonl`."""
    return next((name[: -len(ending)] for ending in _OPENERS if name.lower().endswith(ending)), name)


def bare_suffix(path: Path) -> str:
    """The ending that tells the format, in lower case: `.jsonl` of `a.jsonl.gz`."""
    return Path(bare_name(path.name)).suffix.lower()


def open_bytes(path: Path) -> io.BufferedReader:
    """The bytes of a file, decompressed if its name says that it is compressed. It can be read from the start again."""
    return _open(path, strict=False)


def open_whole(path: Path) -> io.BufferedReader:
    """The same, where damage is an error when it is met."""
    return _open(path, strict=True)


def _open(path: Path, strict: bool) -> io.BufferedReader:
    opener = next((opener for ending, opener in _OPENERS.items() if path.name.lower().endswith(ending)), None)
    return path.open("rb") if opener is None else io.BufferedReader(_Decompressed(path, opener, strict))


def damage(file: io.BufferedReader) -> str:
    """Why an open compressed file ended where it did; empty if it is sound as far as it was read."""
    return file.raw.damage if isinstance(file.raw, _Decompressed) else ""


class _Decompressed(io.RawIOBase):
    """A stream of decompressed bytes that starts anew to go back. It ends at damage, which it remembers; `strict`, it fails."""

    def __init__(self, path: Path, opener: Callable[[Path], _Stream], strict: bool) -> None:
        self._path, self._opener, self._strict = path, opener, strict
        self._stream = opener(path)
        self._place = 0
        self.damage = ""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self.damage:  # who decompresses on from there may never return
            return 0
        try:
            data = self._stream.read1(min(len(buffer), _STEP))
        except (EOFError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno:  # the disk's fault, not the file's
                raise
            self.damage = str(error).splitlines()[0][:200] or type(error).__name__
            if self._strict:
                raise DanluError("documents.damaged", where=str(self._path), reason=self.damage) from error
            return 0
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + self._place if whence == io.SEEK_CUR else offset
        if whence == io.SEEK_END or target < 0:
            raise io.UnsupportedOperation("only from the start of a compressed file")
        if target < self._place:
            self._stream, self._place, self.damage = self._opener(self._path), 0, ""
        while self._place < target and self.readinto(bytearray(min(_STEP, target - self._place))):
            pass
        return self._place


def _gzip(path: Path) -> _Stream:
    return gzip.GzipFile(path, "rb")


def _zstandard(path: Path) -> _Stream:
    import pyarrow as pa  # here, since what only asks for names (`danlu plan`) does without

    return pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd")  # type: ignore[no-any-return]


_OPENERS: dict[str, Callable[[Path], _Stream]] = {".gz": _gzip, ".zst": _zstandard}

"""Files of rows that may be compressed by gzip: `rows.csv` and `rows.csv.gz` are read alike."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from danlu.workspace.errors import DanluError

GZIP = ".gz"


def is_gzipped(path: Path) -> bool:
    return path.name.lower().endswith(GZIP)


def suffix_of(path: Path) -> str:
    """The suffix that says how the rows lie in a file, in small letters: the one before `.gz`."""
    return Path(path.name[: -len(GZIP)] if is_gzipped(path) else path.name).suffix.lower()


def open_bytes(path: Path) -> BinaryIO:
    """The bytes of a file, decompressed."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")


@contextmanager
def gzip_errors(path: Path) -> Iterator[None]:
    """Say what is wrong with a file that cannot be decompressed."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DanluError("documents.gzip", where=str(path), reason=str(error)) from error

"""Parts of documents in and out: one row group in memory at a time, whole files only, the same bytes for the same rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.store import document_parts
from danlu.workspace.artifact import Artifact

SETS = ("documents", "holdout")


class Part(NamedTuple):
    """A part file, in which of the two sets it is, and a name for its unit of work."""

    set: str
    path: Path

    @property
    def unit(self) -> str:
        return f"{self.set}/{self.path.stem}"


def parts_of(documents: Artifact) -> list[Part]:
    """All parts, those for training first, in order."""
    return [Part(name, path) for name in SETS for path in document_parts(documents / name)]


def row_groups(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a file one after another."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, columns=columns)


def write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write the tables as row groups; the file appears by a rename when it is whole. Returns the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    rows = 0
    with pq.ParquetWriter(temporary, schema, compression="zstd", compression_level=3) as writer:
        for table in tables:
            if table.num_rows:
                writer.write_table(table.cast(schema))
                rows += table.num_rows
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    return rows


def join_parquet(path: Path, parts: Iterable[Path], schema: pa.Schema) -> int:
    """Write one file of the rows of many, in order."""
    return write_parquet(path, (table for part in parts for table in row_groups(part)), schema)

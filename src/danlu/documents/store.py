"""Parquet parts of rows: written in the order given, the same bytes for the same rows, read in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.schema import DOCUMENTS
from danlu.workspace.errors import DanluError

PART_BYTES = 256 * 1024 * 1024  # a part is closed at so many bytes of text, and at `part_rows` rows
GROUP_BYTES = 16 * 1024 * 1024  # rows are held in memory up to about so many bytes of text
GROUP_ROWS = 5000


def write_documents(
    directory: Path,
    rows: Iterable[Mapping[str, object]],
    *,
    schema: pa.Schema = DOCUMENTS,
    part_rows: int = 20_000,
    first_part: int = 0,
) -> int:
    """Write `rows` as `part-00000.parquet`, ... below `directory` and return how many they were.

    Each part appears by a rename when it is whole. Parts, row groups and bytes depend on the rows alone. `first_part`
    numbers the first part, for callers that write a directory in several runs of work.
    """
    directory.mkdir(parents=True, exist_ok=True)
    iterator = _Peekable(iter(rows))
    total, part = 0, first_part
    while iterator.has_next:
        total += _write_file(directory / f"part-{part:05d}.parquet", iterator, schema, part_rows, PART_BYTES)
        part += 1
    return total


def write_rows(path: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> int:
    """Write `rows` as the one Parquet file `path` and return how many they were; the file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _write_file(path, _Peekable(iter(rows)), schema, None, None)


def document_parts(directory: Path) -> list[Path]:
    """The parts of a directory of documents, in order; an empty list if there are none."""
    return sorted(directory.glob("part-*.parquet"))


def read_documents(directory: Path, columns: Sequence[str] | None = None, batch_rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """Batches of the rows of all parts in order, with the named `columns` (default: all), in the order named."""
    for path in document_parts(directory):
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=batch_rows, columns=list(columns) if columns is not None else None):
                    yield batch.select(list(columns)) if columns is not None else batch
        except pa.ArrowInvalid as error:
            raise DanluError("documents.broken-part", where=str(path), reason=str(error).splitlines()[0]) from error


def count_documents(directory: Path) -> int:
    """Number of rows in all parts, from their footers alone."""
    return sum(pq.read_metadata(path).num_rows for path in document_parts(directory))


class _Peekable:
    """An iterator that knows whether there is more: a part is only begun for a row that is there."""

    def __init__(self, iterator: Iterator[Mapping[str, object]]) -> None:
        self._iterator = iterator
        self._next = next(iterator, None)

    @property
    def has_next(self) -> bool:
        return self._next is not None

    def take(self) -> Mapping[str, object]:
        row = self._next
        if row is None:
            raise StopIteration
        self._next = next(self._iterator, None)
        return row


def _write_file(path: Path, rows: _Peekable, schema: pa.Schema, most_rows: int | None, most_bytes: int | None) -> int:
    """Write rows until there are no more or the file has `most_rows` or `most_bytes`; return how many were written."""
    temporary = path.with_name(f".{path.name}.tmp")
    count = size = 0
    with pq.ParquetWriter(temporary, schema, compression="zstd", compression_level=3) as writer:
        while rows.has_next and (most_rows is None or count < most_rows) and (most_bytes is None or size < most_bytes):
            left = GROUP_ROWS if most_rows is None else min(GROUP_ROWS, most_rows - count)
            group: list[Mapping[str, object]] = []
            group_bytes = 0
            while rows.has_next and len(group) < left and group_bytes < GROUP_BYTES:
                group.append(rows.take())
                group_bytes += _size(group[-1])
            writer.write_table(pa.table({name: [row[name] for row in group] for name in schema.names}, schema=schema))
            count += len(group)
            size += group_bytes
    _replace(temporary, path)
    return count


def _size(row: Mapping[str, object]) -> int:
    text = row.get("text")
    return len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else 64


def _replace(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)

"""Parquet parts of rows: written in the order given, the same bytes for the same rows, read in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.documents.schema import DOCUMENTS
from danlu.workspace.errors import DanluError

PART_BYTES = 256 * 1024 * 1024  # a part is closed at so many bytes of text, and at `part_rows` rows
GROUP_BYTES = 16 * 1024 * 1024  # rows are held in memory up to about so many bytes of text
GROUP_ROWS = 5000
PART_ROWS = 20_000
Compression = Literal["zstd", "lz4"]
DISTINCT = ("id", "digest", "text", "url", "meta")  # columns with another value in each row
LEVELS: Mapping[Compression, int | None] = {"zstd": 1, "lz4": None}
BATCH_ROWS, BATCH_CHARACTERS = 1000, 4 << 20  # rows are turned into columns so many at once


def parquet_writer(path: Path, schema: pa.Schema, compression: Compression = "zstd") -> pq.ParquetWriter:
    """What every Parquet file of tables is written by: with dictionaries of the words that recur, and of nothing else. One of
    numbers or of texts costs twice the time of writing them, and more room."""
    words = [_path(field) for field in schema if field.name not in DISTINCT and _is_string(field.type)]
    level = LEVELS[compression]
    return pq.ParquetWriter(path, schema, compression=compression, compression_level=level, use_dictionary=words or False)


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind.value_type if pa.types.is_list(kind) else kind))


def _path(field: pa.Field) -> str:
    """The column of a field in Parquet."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


def write_documents(
    directory: Path,
    rows: Iterable[Mapping[str, object]],
    *,
    schema: pa.Schema = DOCUMENTS,
    part_rows: int = PART_ROWS,
    first_part: int = 0,
) -> int:
    """Write `rows` as `part-00000.parquet`, ... below `directory` and return how many they were.

    Each part appears by a rename when it is whole. Parts, row groups and bytes depend on the rows alone. `first_part`
    numbers the first part, for callers that write a directory in several runs of work.
    """
    return write_tables(directory, _tables(rows, schema), schema=schema, part_rows=part_rows, first_part=first_part)


def write_tables(
    directory: Path,
    tables: Iterable[pa.Table],
    *,
    schema: pa.Schema = DOCUMENTS,
    part_rows: int = PART_ROWS,
    first_part: int = 0,
    compression: Compression = "zstd",
) -> int:
    """The same of rows that come as tables, however they are cut: the same parts, the same bytes.

    `compression`: lz4 for what is read once and then thrown away.
    """
    directory.mkdir(parents=True, exist_ok=True)
    groups = _Groups(tables, schema)
    total, part = 0, first_part
    while groups.has_next:
        total += _write_file(directory / f"part-{part:05d}.parquet", groups, schema, part_rows, PART_BYTES, compression)
        part += 1
    return total


def write_rows(path: Path, rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> int:
    """Write `rows` as the one Parquet file `path` and return how many they were; the file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _write_file(path, _Groups(_tables(rows, schema), schema), schema, None, None)


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
    return sum(_footer(path).num_rows for path in document_parts(directory))


def text_bytes(directory: Path) -> int:
    """About how many bytes of text all parts hold, from their footers alone; equal texts may count once."""
    found = 0
    for footer in map(_footer, document_parts(directory)):
        column = footer.schema.names.index("text")
        found += sum(footer.row_group(group).column(column).total_uncompressed_size for group in range(footer.num_row_groups))
    return found


def _footer(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except pa.ArrowInvalid as error:
        raise DanluError("documents.broken-part", where=str(path), reason=str(error).splitlines()[0]) from error


class _Groups:
    """Row groups cut from tables. A part is only begun for a row that is there."""

    def __init__(self, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
        self._tables = iter(tables)
        self._schema = schema
        self._held = schema.empty_table()
        self._sizes = np.zeros(0, np.int64)  # bytes of text of each row held
        self._fill(1, 0)

    @property
    def has_next(self) -> bool:
        return bool(self._held.num_rows)

    def take(self, most_rows: int) -> tuple[pa.Table, int]:
        """The next rows, at most `most_rows`, until they have `GROUP_BYTES` of text; and their bytes."""
        self._fill(most_rows, GROUP_BYTES)
        ends = np.cumsum(self._sizes[:most_rows])
        count = min(int(np.searchsorted(ends, GROUP_BYTES)) + 1, len(ends))
        group, self._held, self._sizes = self._held.slice(0, count), self._held.slice(count), self._sizes[count:]
        self._fill(1, 0)
        return group.combine_chunks(), int(ends[count - 1])

    def _fill(self, rows: int, size: int) -> None:
        """Hold at least so many rows, or rows of so many bytes, if there are."""
        held, sizes = [self._held], [self._sizes]
        count, total = self._held.num_rows, int(self._sizes.sum())
        while count < rows and (total < size or not count):
            table = next(self._tables, None)
            if table is None:
                break
            held.append(table.cast(self._schema))
            sizes.append(_sizes(table))
            count, total = count + table.num_rows, total + int(sizes[-1].sum())
        if len(held) > 1:
            self._held, self._sizes = pa.concat_tables(held), np.concatenate(sizes)


def _tables(rows: Iterable[Mapping[str, object]], schema: pa.Schema) -> Iterator[pa.Table]:
    """Rows as tables of some megabytes."""
    iterator = iter(rows)
    batch: list[Mapping[str, object]] = []
    held = 0
    for row in iterator:
        batch.append(row)
        text = row.get("text")
        held += len(text) if isinstance(text, str) else 64
        if len(batch) >= BATCH_ROWS or held >= BATCH_CHARACTERS:
            yield pa.table({name: [row[name] for row in batch] for name in schema.names}, schema=schema)
            batch, held = [], 0
    if batch:
        yield pa.table({name: [row[name] for row in batch] for name in schema.names}, schema=schema)


def _sizes(table: pa.Table) -> NDArray[np.int64]:
    """Bytes of the text of each row, int64[rows]; 64 where there is no text."""
    if "text" not in table.column_names:
        return np.full(table.num_rows, 64, np.int64)
    return np.asarray(pc.binary_length(table["text"]).fill_null(64).to_numpy(), np.int64)


def _write_file(
    path: Path,
    groups: _Groups,
    schema: pa.Schema,
    most_rows: int | None,
    most_bytes: int | None,
    compression: Compression = "zstd",
) -> int:
    """Write rows until there are no more or the file has `most_rows` or `most_bytes`; return how many were written."""
    temporary = path.with_name(f".{path.name}.tmp")
    count = size = 0
    with parquet_writer(temporary, schema, compression) as writer:
        while groups.has_next and (most_rows is None or count < most_rows) and (most_bytes is None or size < most_bytes):
            group, taken = groups.take(GROUP_ROWS if most_rows is None else min(GROUP_ROWS, most_rows - count))
            writer.write_table(group)
            count += group.num_rows
            size += taken
    _replace(temporary, path)
    return count


def _replace(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)

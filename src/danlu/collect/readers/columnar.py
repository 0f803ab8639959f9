"""Parquet: only the columns needed, a part of a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.collect.columns import Columns
from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import OPTIONAL, is_word, require_columns, to_record, wanted_columns
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES
from danlu.text.buffers import text_buffers

_ROWS = 256  # that become records at once
_MOST_ROWS, _BATCH_BYTES = 5000, 4 << 20  # that stay columns


def read_parquet(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Rows as records, numbered from 1. A file that is not Parquet, or is cut short, is rejected."""
    for found in _batches(file, layout, _ROWS):
        if isinstance(found, Rejected):
            yield found
        else:
            yield from _records(file, layout, *found, most)


def read_columns(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Columns | Rejected]:
    """The same rows as columns, without labels. Only those that may be no documents are looked at one by one."""
    for found in _batches(file, layout, _MOST_ROWS, _BATCH_BYTES):
        if isinstance(found, Rejected):
            yield found
            continue
        batch, before = found
        columns = _strings(batch)
        if columns is None:
            yield from _records(file, layout, *found, most)
            continue
        texts = columns[layout.text]
        good = _surely_text(texts, most)
        for row in np.flatnonzero(~good).tolist():
            for event in _records(file, layout, batch.slice(row, 1), before + row, most):
                if isinstance(event, Rejected):
                    yield event
                else:
                    good[row] = True
        if good.any():
            mask, nothing = pa.array(good), pa.repeat(pa.scalar(""), len(good))
            urls, created = (_known(columns.get(name, nothing)).filter(mask) for name in OPTIONAL)
            ordinals = np.flatnonzero(good) + (before + 1)
            yield Columns(ordinals, texts if good.all() else texts.filter(mask), urls, created)


def _batches(
    file: SourceFile, layout: Layout, most_rows: int, most_bytes: int | None = None
) -> Iterator[tuple[pa.RecordBatch, int] | Rejected]:
    """Batches of the columns that are needed, and how many rows come before each."""
    done = 0
    try:
        with pq.ParquetFile(file.path) as source:
            names = source.schema_arrow.names
            require_columns(file, layout, names)
            wanted = (*wanted_columns(layout), *OPTIONAL)
            columns = [name for name in names if name in wanted]
            rows = most_rows if most_bytes is None else _rows_of(source.metadata, most_rows, most_bytes)
            for batch in source.iter_batches(batch_size=rows, columns=columns):
                yield batch, done
                done += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        yield Rejected(f"{file.name}:{done + 1}", "parquet", {"reason": str(error).splitlines()[0][:200]})


def _rows_of(footer: pq.FileMetaData, most_rows: int, most_bytes: int) -> int:
    """How many rows of a file have about so many bytes."""
    size: int = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
    rows: int = footer.num_rows
    return max(1, min(most_rows, rows * most_bytes // max(size, 1)))


def _records(file: SourceFile, layout: Layout, batch: pa.RecordBatch, before: int, most: int) -> Iterator[Record | Rejected]:
    for ordinal, fields in enumerate(_rows(batch), before + 1):
        where = f"{file.name}:{ordinal}"
        yield Rejected(where, "encoding") if fields is None else to_record(file, layout, ordinal, where, fields, most)


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any] | None]:
    """The fields of each row; None for one with a string that is not UTF-8, which Parquet does not check."""
    try:
        columns = [column.to_pylist() for column in batch.columns]
    except UnicodeDecodeError:
        return [row for index in range(batch.num_rows) for row in _row(batch.slice(index, 1))]
    return [dict(zip(batch.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]


def _row(batch: pa.RecordBatch) -> list[dict[str, Any] | None]:
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        return [None]


def _strings(batch: pa.RecordBatch) -> dict[str, pa.LargeStringArray] | None:
    """The columns of a batch, if all are strings in UTF-8."""
    columns = {name: _valid(batch[name]) for name in batch.schema.names}
    valid = {name: values for name, values in columns.items() if values is not None}
    return valid if len(valid) == len(columns) else None


def _valid(values: pa.Array) -> pa.LargeStringArray | None:
    """A column of strings, empty where there was none; None if it is none of strings, or not all are UTF-8."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        return None
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return values.cast(pa.large_string()).fill_null("")


def _surely_text(texts: pa.LargeStringArray, most: int) -> NDArray[np.bool_]:
    """Which texts are documents beyond doubt, bool[texts]: they have a byte or more, not too many, and begin with no space."""
    data, offsets = text_buffers(texts)
    sizes = np.diff(offsets)
    good = (sizes > 0) & (sizes <= most)
    first = data[offsets[:-1][good]]
    # Spaces outside ASCII begin with bytes from 0xC2 to 0xE3.
    good[good] = ((first > 0x20) & (first < 0x7F)) | (first > 0xE3)
    return good


def _known(values: pa.LargeStringArray) -> pa.StringArray:
    """The words of a column, empty where there is none that can be printed."""
    words = pc.dictionary_encode(values)
    kept = pa.array([word if is_word(word) else "" for word in words.dictionary.to_pylist()], pa.string())
    return kept.take(words.indices)

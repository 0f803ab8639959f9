"""Parquet: only the columns needed, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import OPTIONAL, require_columns, to_record, wanted_columns
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES

_ROWS = 256


def read_parquet(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Rows as records, numbered from 1. A file that is not Parquet, or is cut short, is rejected."""
    ordinal = 0
    try:
        with pq.ParquetFile(file.path) as source:
            names = source.schema_arrow.names
            require_columns(file, layout, names)
            columns = [name for name in names if name in (*wanted_columns(layout), *OPTIONAL)]
            for batch in source.iter_batches(batch_size=_ROWS, columns=columns):
                for fields in _rows(batch):
                    ordinal += 1
                    where = f"{file.name}:{ordinal}"
                    if fields is None:
                        yield Rejected(where, "encoding")
                    else:
                        yield to_record(file, layout, ordinal, where, fields, most)
    except (pa.ArrowException, OSError) as error:
        yield Rejected(f"{file.name}:{ordinal + 1}", "parquet", {"reason": str(error).splitlines()[0][:200]})


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

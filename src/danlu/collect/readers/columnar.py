"""Parquet: only the columns needed, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import OPTIONAL, require_columns, to_record, wanted_columns
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES

_ROWS = 64


def read_parquet(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Rows as records, numbered from 1. A file that is not Parquet, or is cut short, is rejected."""
    ordinal = 0
    try:
        with pq.ParquetFile(file.path) as source:
            names = source.schema_arrow.names
            require_columns(file, layout, names)
            columns = [name for name in names if name in (*wanted_columns(layout), *OPTIONAL)]
            for batch in source.iter_batches(batch_size=_ROWS, columns=columns):
                values = {name: batch.column(name) for name in batch.schema.names}
                for index in range(batch.num_rows):
                    ordinal += 1
                    where = f"{file.name}:{ordinal}"
                    try:
                        fields = {name: column[index].as_py() for name, column in values.items()}
                    except UnicodeDecodeError:  # Parquet does not check that strings are UTF-8
                        yield Rejected(where, "encoding")
                        continue
                    yield to_record(file, layout, ordinal, where, fields, most)
    except (pa.ArrowException, OSError) as error:
        yield Rejected(f"{file.name}:{ordinal + 1}", "parquet", {"reason": str(error).splitlines()[0][:200]})

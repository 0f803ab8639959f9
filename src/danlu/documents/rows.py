"""The rows of a dataset: `rows.parquet` of the dataset stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # as a document's
        pa.field("digest", pa.string(), nullable=False),  # of the canonical text: repeats share it
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # train, validation, test; empty for rows not in use
        pa.field("dropped", pa.string(), nullable=False),  # why it is not used: repeat, conflict, limit, empty; else empty
    ]
)


def read_rows(path: Path, columns: Sequence[str], batch_rows: int = 1024) -> Iterator[pa.RecordBatch]:
    """Batches of `columns`, in the order named, of all rows; those in use are the ones whose split is not empty."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=list(columns)):
            yield batch.select(list(columns))

"""The documents that are encoded, read a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.workspace.errors import DanluError

SPLITS = (("train", "documents"), ("holdout", "holdout"))
"""Store -> folder of the documents it is made from."""

BATCH_BYTES = 2_000_000  # of text encoded at a time
READ_BYTES = 8_000_000  # of row groups read together


class Slice(NamedTuple):
    """Some rows (text, source, language) of a part, and the bytes of their texts."""

    part: Path
    rows: pa.RecordBatch
    bytes: int


def slices_of(part: Path) -> Iterator[Slice]:
    """A part in slices of about `BATCH_BYTES`, at least one document each."""
    for rows in _row_groups(part, ("text", "source", "language")):
        total = np.cumsum(pc.binary_length(rows.column(0)).to_numpy())
        start = before = 0
        while start < rows.num_rows:
            stop = max(start + 1, int(np.searchsorted(total, before + BATCH_BYTES, side="right")))
            end = int(total[stop - 1])
            yield Slice(part, rows.slice(start, stop - start), end - before)
            start, before = stop, end


def _row_groups(part: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a part as they are stored, small groups of them together."""
    with opened(part) as file:
        sizes = [file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)]
        places = np.cumsum(sizes) // READ_BYTES
        for _, groups in groupby(range(len(sizes)), lambda group: places[group]):
            table = file.read_row_groups([*groups], columns=list(columns), use_threads=False).select(list(columns))
            yield from table.combine_chunks().to_batches()


@contextmanager
def opened(part: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(part) as file:
            yield file
    except pa.ArrowInvalid as error:
        raise DanluError("documents.broken-part", where=str(part), reason=str(error).splitlines()[0]) from error

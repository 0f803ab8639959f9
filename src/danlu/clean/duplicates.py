"""Which documents repeat which: the table of pairs, of exact repeats and of near ones alike."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

PAIRS: pa.Schema = pa.schema(
    [
        pa.field("first", pa.string(), nullable=False),  # id
        pa.field("second", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),  # id of a document of it
    ]
)


def repeats_table(ids: Sequence[str], groups: Sequence[Sequence[int]]) -> pa.Table:
    """A row for each later document of a group of equal ones, beside the first. `groups` hold rows of `ids`."""
    pairs = [(ids[rows[0]], ids[row]) for rows in groups for row in rows[1:]]
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return pa.table([first, second, pa.array([1.0] * len(pairs), pa.float32()), first], schema=PAIRS)

"""How much of each document line rules took out: its boilerplate, seen in the edits that repair wrote down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.parts import row_groups, write_scratch
from danlu.clean.preset import LINE_RULES

REMOVED: pa.Schema = pa.schema(
    [pa.field("id", pa.string(), nullable=False), pa.field("characters", pa.int64(), nullable=False)]
)


def write_removed(edits: Path, path: Path) -> None:
    """Write the documents that lost lines to a rule, and how many characters (as they came) of each went so; none where
    nothing was repaired (there is no file of edits)."""
    pattern = f"(?:^|\\+)(?:{'|'.join(LINE_RULES)})(?:\\+|$)"
    found = [pa.table([[], []], schema=REMOVED)]
    for table in row_groups(edits, ["id", "start", "end", "length", "reason"]) if edits.exists() else ():
        some = table.filter(pc.match_substring_regex(table["reason"], pattern))
        gone = pc.subtract(pc.subtract(some["end"], some["start"]), some["length"]).cast(pa.int64())
        found.append(pa.table([some["id"], gone], schema=REMOVED))
    every = pa.concat_tables(found).group_by("id", use_threads=False).aggregate([("characters", "sum")])
    write_scratch(path, [every.rename_columns(REMOVED.names).cast(REMOVED)], REMOVED)


def removed_shares(removed: pa.Table, ids: pa.ChunkedArray, characters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each document the share of its characters that went; `characters`, float64[documents]: those left."""
    gone = removed["characters"].take(pc.index_in(ids, removed["id"]))
    lost = gone.fill_null(0).to_numpy().astype(np.float64)
    return np.asarray(lost / np.maximum(lost + characters, 1))

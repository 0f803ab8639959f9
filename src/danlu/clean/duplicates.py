"""Which documents repeat which: the table of pairs, of exact repeats and of near ones alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.excerpts import pair_excerpts
from danlu.clean.judged import Cleaning, Judged, Text
from danlu.clean.verdicts import KEPT
from danlu.workspace.files import read_json

CLUSTERS = 20  # shown
COPIES, MOST_READ = 3, 50  # of each, beside the document that stays; and looked through for them

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


class Pairs(NamedTuple):
    """Pairs of duplicates as rows of the table, and how similar they are. All [pairs]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cluster: NDArray[np.int64]
    similarity: NDArray[np.float32]


def read_pairs(cleaning: Cleaning) -> pa.Table:
    """All pairs of duplicates that are known: exact ones from the decision, near ones of `clean.pairs` where it was made."""
    files = [cleaning.decided / "repeats.parquet", *_near(cleaning)]
    tables = [pq.read_table(path, columns=["first", "second", "similarity", "cluster"]) for path in files if path.exists()]
    schema = pa.schema(
        [("first", pa.string()), ("second", pa.string()), ("similarity", pa.float32()), ("cluster", pa.string())]
    )
    tables = [
        pa.table([column.cast(field.type) for column, field in zip(table.columns, schema, strict=True)], schema=schema)
        for table in tables
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _near(cleaning: Cleaning) -> list[Path]:
    """Where near-duplicates were looked for: what the manifest of the decision names."""
    manifest = cleaning.decided / "manifest.json"
    inputs: Mapping[str, Any] = read_json(manifest)["inputs"] if manifest.exists() else {}
    names = [name for name in inputs.values() if isinstance(name, str) and name.startswith("clean.pairs-")]
    return [cleaning.decided.parent / name / "pairs.parquet" for name in names]


def in_rows(ids: pa.ChunkedArray, pairs: pa.Table) -> Pairs:
    """The pairs in rows; those with a document that is not for training are left out."""
    found = [pc.index_in(pairs[name], ids) for name in ("first", "second", "cluster")]
    whole = pc.and_(pc.and_(pc.is_valid(found[0]), pc.is_valid(found[1])), pc.is_valid(found[2]))
    first, second, cluster = (places.filter(whole).to_numpy().astype(np.int64) for places in found)
    return Pairs(first, second, cluster, pairs["similarity"].filter(whole).to_numpy())


def choose_clusters(table: Judged, pairs: Pairs) -> list[tuple[list[int], list[float]]]:
    """The largest clusters, and of near duplicates the most and the least similar: rows (the one that stays first) and their
    similarity to it."""
    members: dict[int, dict[int, float]] = {}
    for first, second, cluster, value in zip(*(column.tolist() for column in pairs), strict=True):
        found = members.setdefault(cluster, {})
        for row in (first, second):
            found[row] = max(found.get(row, 0.0), value)
    ids = table.ids

    def order(cluster: int) -> tuple[float, int, str]:
        return min(members[cluster].values()), -len(members[cluster]), str(ids[cluster])

    near = sorted((cluster for cluster in members if order(cluster)[0] < 1), key=order)
    exact = sorted((cluster for cluster in members if order(cluster)[0] >= 1), key=lambda cluster: order(cluster)[1:])
    chosen = near[: CLUSTERS // 2] + near[CLUSTERS // 2 :][-(CLUSTERS // 4) :]
    chosen += exact[: CLUSTERS - len(chosen)]
    result = []
    for cluster in chosen:
        found = members[cluster]
        kept = sorted(found, key=lambda row: (table.reasons[row] != KEPT, row))
        result.append((kept, [found[row] for row in kept]))
    return result


def describe_cluster(table: Judged, rows: list[int], similar: list[float], texts: Mapping[int, Text]) -> dict[str, Any]:
    """A cluster side by side: the document that stays, and copies with what differs marked."""
    first, *others = [row for row in rows if row in texts]
    shown = list({texts[row].text: row for row in reversed(others)}.values())[::-1][
        :COPIES
    ]  # copies that read alike are shown once
    sides = [pair_excerpts(texts[first].text, texts[row].text) for row in shown]
    return {
        "size": len(rows),
        "kept": bool(table.reasons[first] == KEPT),
        "language": str(table.languages[first]),
        "source": texts[first].place,
        "copies": [
            {"source": texts[row].place, "similarity": similar[rows.index(row)], "first": left, "text": right}
            for row, (left, right) in zip(shown, sides, strict=True)
        ],
    }

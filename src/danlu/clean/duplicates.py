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


class Cluster(NamedTuple):
    """How many documents it has, and some of them: row and similarity, the one that stays first."""

    size: int
    members: list[tuple[int, float]]


def choose_clusters(table: Judged, pairs: Pairs) -> list[Cluster]:
    """Clusters worth a look: of near duplicates the least and the most similar, then the largest of equal ones."""
    clusters, place = np.unique(pairs.cluster, return_inverse=True)
    least = np.full(len(clusters), np.inf)
    np.minimum.at(least, place, pairs.similarity.astype(np.float64))
    size = np.bincount(place, minlength=len(clusters))
    names = np.array(table.ids.take(pa.array(clusters)).to_pylist(), np.str_)
    order = np.lexsort((names, -size, least))
    near, exact = order[least[order] < 1], order[least[order] >= 1]
    chosen = [*near[: CLUSTERS // 2], *near[CLUSTERS // 2 :][-CLUSTERS // 4 :]]
    chosen += [*exact[: CLUSTERS - len(chosen)]]
    kept = table.reasons.among(KEPT)
    found = []
    for cluster in chosen:
        members: dict[int, float] = {}
        inside = np.flatnonzero(place == cluster)
        for pair in inside[:MOST_READ].tolist():
            for row in (int(pairs.first[pair]), int(pairs.second[pair])):
                members[row] = max(members.get(row, 0.0), float(pairs.similarity[pair]))
        documents = len(np.unique(np.concatenate((pairs.first[inside], pairs.second[inside]))))
        found.append(Cluster(documents, sorted(members.items(), key=lambda member: (not kept[member[0]], member[0]))))
    return found


def describe_cluster(table: Judged, cluster: Cluster, texts: Mapping[int, Text]) -> dict[str, Any]:
    """A cluster side by side: the document that stays, and copies with what differs marked; those that read alike once."""
    (first, _), *others = cluster.members
    shown = list({texts[row].text: (row, similarity) for row, similarity in reversed(others)}.values())[::-1][:COPIES]
    sides = [pair_excerpts(texts[first].text, texts[row].text) for row, _ in shown]
    return {
        "size": cluster.size,
        "kept": table.reasons[first] == KEPT,
        "language": table.languages[first],
        "source": texts[first].place,
        "copies": [
            {"source": texts[row].place, "similarity": similarity, "first": left, "text": right}
            for (row, similarity), (left, right) in zip(shown, sides, strict=True)
        ],
    }

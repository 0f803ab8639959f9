"""Which documents went for which, side by side: of what the verdicts name as the twin of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.excerpts import pair_excerpts
from danlu.clean.judged import Cleaning, Judged, Text
from danlu.clean.verdicts import KEPT, NEAR

CLUSTERS = 20  # shown
COPIES, MOST_READ = 3, 50  # of each, beside the document that stays; and looked through for them


class Pairs(NamedTuple):
    """Rows of documents that stay, of those that go for them, and how similar they are (1: the same words). All [pairs]."""

    stays: NDArray[np.int64]
    goes: NDArray[np.int64]
    similarity: NDArray[np.float32]


def read_pairs(cleaning: Cleaning, ids: pa.ChunkedArray) -> Pairs:
    """The pairs of a cleaning; those whose twin is not for training, or of an earlier cleaning, are left out."""
    table = pq.read_table(
        cleaning.decided / "verdicts.parquet", columns=["id", "twin", "reason", "value"], filters=[("part", "=", "documents")]
    )
    stays = pc.index_in(table["twin"], ids)
    known = pc.and_(pc.is_valid(table["twin"]), pc.is_valid(stays))
    similarity = pc.if_else(pc.equal(table["reason"], NEAR), table["value"], pa.scalar(1.0, pa.float32()))
    return Pairs(
        stays.filter(known).to_numpy().astype(np.int64),
        np.flatnonzero(known.to_numpy()),
        similarity.filter(known).to_numpy(),
    )


class Cluster(NamedTuple):
    """How many documents it has, and some of them: row and similarity, the one that stays first."""

    size: int
    members: list[tuple[int, float]]


def choose_clusters(table: Judged, pairs: Pairs) -> list[Cluster]:
    """Clusters worth a look: of near duplicates the least and the most similar, then the largest of equal ones."""
    clusters, place = np.unique(pairs.stays, return_inverse=True)
    least = np.full(len(clusters), np.inf)
    np.minimum.at(least, place, pairs.similarity.astype(np.float64))
    size = np.bincount(place, minlength=len(clusters))
    names = np.array(table.ids.take(pa.array(clusters)).to_pylist(), np.str_)
    order = np.lexsort((names, -size, least))
    near, exact = order[least[order] < 1], order[least[order] >= 1]
    chosen = [*near[: CLUSTERS // 2], *near[CLUSTERS // 2 :][-CLUSTERS // 4 :]]
    chosen += [*exact[: CLUSTERS - len(chosen)]]
    found = []
    for cluster in chosen:
        members: dict[int, float] = {}
        inside = np.flatnonzero(place == cluster)
        for pair in inside[:MOST_READ].tolist():
            members[int(pairs.goes[pair])] = float(pairs.similarity[pair])
        found.append(Cluster(len(inside) + 1, [(int(clusters[cluster]), 1.0), *members.items()]))
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

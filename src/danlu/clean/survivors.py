"""Who stays of documents that repeat each other, chosen among those that pass the rules.

Every one that goes is near one that stays, by a comparison that was made, whatever chains of similar documents there are.

Documents of the same canonical form or the same words are one node; nodes are visited from the best on, each that is still
there stays and sends away those that are as similar to it as the threshold asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danlu.clean.clusters import LARGE, labels
from danlu.recipe.clean import DedupConfig
from danlu.text.kernels.clusters import keep_first

Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """Pairs of documents by row; the rows of earlier cleanings' documents come after those of this one."""

    first: Ints
    second: Ints
    exact: NDArray[np.bool_]
    similarity: NDArray[np.float64]  # as the recipe measures it
    sizes: Ints  # [pairs, 2], distinct shingles
    earlier: Sequence[str]  # ids of the documents of earlier cleanings


class Choice(NamedTuple):
    """Of each row: who it repeats (-1: nobody, it stays), how similar it is to that one, and whether they are the same."""

    twins: Ints
    similarity: NDArray[np.float64]
    exact: NDArray[np.bool_]


def read_pairs(path: Path, ids: pa.StringArray, config: DedupConfig) -> Pairs:
    """The pairs of `clean.pairs` that the recipe's threshold asks for. `ids`: of this cleaning's documents, by row."""
    names = ["first", "second", "kind", "similarity", "shared", "first_shingles", "second_shingles", "earlier"]
    table = pq.read_table(path, columns=names)
    similarity = table["similarity"].to_numpy().astype(np.float64)
    sizes = np.stack((table["first_shingles"].to_numpy(), table["second_shingles"].to_numpy()), 1)
    if config.measure == "containment":
        similarity = table["shared"].to_numpy() / np.maximum(sizes.min(1), 1)
    # Similarities are kept in single precision: one equal to the threshold repeats.
    near = similarity.astype(np.float32) >= np.float32(config.threshold)
    exact = pc.equal(table["kind"], "exact").to_numpy()
    table, similarity, sizes = table.filter(pa.array(near | exact)), similarity[near | exact], sizes[near | exact]
    earlier = pc.unique(table.filter(table["earlier"])["first"])
    known = pa.concat_arrays([ids, earlier.combine_chunks() if isinstance(earlier, pa.ChunkedArray) else earlier])
    first, second = (
        pc.index_in(table[name], value_set=known).fill_null(-1).to_numpy().astype(np.int64) for name in ("first", "second")
    )
    found = (first >= 0) & (second >= 0)
    return Pairs(first[found], second[found], exact[near | exact][found], similarity[found], sizes[found], earlier.to_pylist())


def no_pairs() -> Pairs:
    empty = np.zeros(0, np.int64)
    return Pairs(empty, empty, empty.astype(bool), empty.astype(float), empty.reshape(0, 2), [])


def choose(
    same: Ints,
    pairs: Pairs,
    passing: NDArray[np.bool_],
    fixed: NDArray[np.bool_],
    sizes: Ints,
    ids: pa.StringArray,
    config: DedupConfig,
) -> Choice:
    """Who of the `passing` documents stays. `same`, of the rows of this cleaning: a row of the same canonical form, itself
    where none is known.

    `fixed` documents (protected, of an earlier cleaning) always stay. `sizes`: bytes. All but `same` are of all rows, those
    of earlier cleanings at the end.
    """
    count = len(passing)
    groups = _groups(same, pairs, count)
    near = ~pairs.exact & (groups[pairs.first] != groups[pairs.second])
    shingles = np.zeros(count, np.int64)
    np.maximum.at(shingles, groups[pairs.first[near]], pairs.sizes[near, 0])
    np.maximum.at(shingles, groups[pairs.second[near]], pairs.sizes[near, 1])

    # Whoever is alone stays: only the rest is put in order.
    alone = np.bincount(groups[passing], minlength=count) == 1
    alone[groups[pairs.first[near]]] = alone[groups[pairs.second[near]]] = False
    rows = np.flatnonzero(passing & ~alone[groups])
    best = _by_merit(rows, groups, shingles, fixed, sizes, ids, config)
    winners = np.full(count, -1)
    winners[groups[best[::-1]]] = best[::-1]  # the last to be written is the best of its group
    ends = winners[groups[pairs.first]], winners[groups[pairs.second]]
    near &= (ends[0] >= 0) & (ends[1] >= 0)
    one, other, similarity = ends[0][near], ends[1][near], pairs.similarity[near]
    may = _may_send(pairs.sizes[near], config)
    senders, sent = np.concatenate((one[may[0]], other[may[1]])), np.concatenate((other[may[0]], one[may[1]]))
    values = np.concatenate((similarity[may[0]], similarity[may[1]]))
    by_sender = np.argsort(senders, kind="stable")
    senders, sent, values = senders[by_sender], sent[by_sender], values[by_sender]
    firsts = np.searchsorted(senders, np.arange(count + 1))

    order = _hubs_first(best[winners[groups[best]] == best], one, other, fixed, count)
    sent_by, edges = np.empty(count, np.int64), np.empty(count, np.int64)
    keep_first(order, firsts, sent, fixed, sent_by, edges)

    twins, found = np.full(count, -1), np.full(count, np.nan)
    gone = order[sent_by[order] != order]
    twins[gone], found[gone] = sent_by[gone], values[edges[gone]]
    # The others of a group go with their winner, or for it.
    rest = rows[(winners[groups[rows]] != rows) & ~fixed[rows]]
    winner = winners[groups[rest]]
    follows = twins[winner] >= 0
    twins[rest], found[rest] = np.where(follows, twins[winner], winner), np.where(follows, found[winner], 1.0)
    return Choice(twins, found, (twins >= 0) & (groups[twins] == groups))


def _groups(same: Ints, pairs: Pairs, count: int) -> Ints:
    """Of each row the least that has the same form or the same words."""
    one = np.concatenate((np.arange(len(same)), pairs.first[pairs.exact]))
    return labels(one, np.concatenate((same, pairs.second[pairs.exact])), count)


def _by_merit(
    rows: Ints,
    groups: Ints,
    shingles: Ints,
    fixed: NDArray[np.bool_],
    sizes: Ints,
    ids: pa.StringArray,
    config: DedupConfig,
) -> Ints:
    """The rows from the best on; ties go by id, so that the order of parts does not matter (but for `keep: first`)."""
    if config.keep == "first":
        return rows[np.lexsort((rows, ~fixed[rows]))]
    names = np.array(ids.take(pa.array(rows)).to_pylist(), np.bytes_)
    content = shingles[groups[rows]] if config.keep == "best" else np.zeros(len(rows), np.int64)
    return rows[np.lexsort((names, -sizes[rows], -content, ~fixed[rows]))]


def _may_send(sizes: Ints, config: DedupConfig) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the first of a pair may send the second away, and the second the first: of what is contained, the smaller."""
    if config.measure == "containment":
        return sizes[:, 0] >= sizes[:, 1], sizes[:, 1] >= sizes[:, 0]
    both = np.ones(len(sizes), bool)
    return both, both


def _hubs_first(order: Ints, one: Ints, other: Ints, fixed: NDArray[np.bool_], count: int) -> Ints:
    """In a cluster too large for all its pairs to be known those come first that are known to be near many."""
    clusters = labels(one, other, count)
    members = np.bincount(clusters[order], minlength=count)
    degrees = np.bincount(np.concatenate((one, other)), minlength=count)
    most = np.zeros(count, np.int64)
    np.maximum.at(most, clusters[order], degrees[order])
    hub = (members[clusters[order]] <= LARGE) | (2 * degrees[order] >= most[clusters[order]])
    return order[np.argsort(~(hub | fixed[order]), kind="stable")]

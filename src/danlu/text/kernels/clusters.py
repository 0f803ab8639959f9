"""Clusters of documents: union-find over arrays, and the choice of who stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel


@kernel
def _root(parents: NDArray[np.int64], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@kernel
def unite(parents: NDArray[np.int64], pairs: NDArray[np.int64]) -> None:
    """Makes one set of the sets of pairs[p, 0] and pairs[p, 1], for every p; then parents[i] is the least of i's set.

    Begin with parents = 0, 1, 2, ...
    """
    for pair in range(len(pairs)):
        one, other = _root(parents, pairs[pair, 0]), _root(parents, pairs[pair, 1])
        parents[max(one, other)] = min(one, other)
    for at in range(len(parents)):
        parents[at] = _root(parents, at)


@kernel
def keep_first(
    order: NDArray[np.int64],
    firsts: NDArray[np.int64],
    others: NDArray[np.int64],
    fixed: NDArray[np.bool_],
    twins: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> None:
    """Each node in `order` that is still there stays, and sends away those near it: twins[n] = who sent n, n if it stays.

    others[firsts[n]:firsts[n + 1]] are the nodes that n may send away; edges[n] is the place there of the entry that did, -1
    for none. A `fixed` node is sent away by none. So whoever goes is near one that stays, whatever chains there are.
    """
    twins[:] = -1
    edges[:] = -1
    for node in order:
        if twins[node] >= 0:
            continue
        twins[node] = node
        for edge in range(firsts[node], firsts[node + 1]):
            other = others[edge]
            if twins[other] < 0 and not fixed[other]:
                twins[other], edges[other] = node, edge

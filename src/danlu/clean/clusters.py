"""What hangs together, and which pairs of it must be looked at so that any of it can stand for the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.clean.candidates import Packed, distinct, pack
from danlu.text.kernels.clusters import unite

Ints = NDArray[np.int64]

LEVELS = (0.5, 0.7, 0.85)
"""Clusters are formed at each of these similarities: a chain of weak pairs may make a large one of small ones."""
LARGE = 32
"""Documents of a cluster up to which all its pairs are compared; of a larger one all documents with its hubs."""
HUBS = 4
"""So many of a large cluster's first documents, and of those with the most pairs."""


def labels(one: Ints, other: Ints, size: int) -> Ints:
    """Of each of `size` nodes the least that it hangs together with."""
    parents = np.arange(size)
    unite(parents, np.stack((one, other), 1).astype(np.int64))
    return parents


def within(one: Ints, other: Ints, similarity: NDArray[np.float64], size: int) -> Packed:
    """The pairs, sorted, that the clusters of these ones need: see `LARGE` and `HUBS`."""
    found: list[Packed] = [np.zeros(0, np.uint64)]
    for level in LEVELS:
        strong = similarity >= level
        a, b = one[strong], other[strong]
        members = distinct(np.concatenate((a, b)))
        owners = labels(a, b, size)[members]
        order = np.argsort(owners, kind="stable")
        members, owners = members[order], owners[order]
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        sizes = np.diff(np.append(starts, len(owners)))
        for many in range(3, LARGE + 1):
            begins = starts[sizes == many]
            left, right = np.triu_indices(many, 1)
            found.append(pack(members[begins[:, None] + left].ravel(), members[begins[:, None] + right].ravel()))
        if (sizes > LARGE).any():
            degrees = np.bincount(np.concatenate((a, b)), minlength=size)
            for start, count in zip(starts[sizes > LARGE].tolist(), sizes[sizes > LARGE].tolist(), strict=True):
                found.append(_with_hubs(members[start : start + count], degrees))
    return distinct(np.concatenate(found))


def _with_hubs(members: Ints, degrees: Ints) -> Packed:
    connected = members[np.argsort(-degrees[members], kind="stable")[:HUBS]]
    pairs = [pack(np.full(len(members) - 1, hub), members[members != hub]) for hub in np.union1d(members[:HUBS], connected)]
    return distinct(np.concatenate(pairs))

"""Which documents are held out: chosen by the digest of their text, spread over the sources. Arrays in, a mask out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.recipe.collect import MOST_HELD_OUT


def choose_holdout(
    sources: NDArray[np.uint32], order: NDArray[np.uint64], sizes: NDArray[np.int64], wanted_bytes: int
) -> NDArray[np.bool_]:
    """Mask (documents,) of those held out.

    `sources` says which source a document is of, `order` is a hash of its canonical text, `sizes` are bytes of UTF-8.
    Each source gives in proportion to its bytes and at most a tenth; its documents are taken by `order` as far as they
    fit. Of documents with the same text only the first can be held out.
    """
    held = np.zeros(len(order), dtype=np.bool_)
    total = int(sizes.sum())
    if not total or not wanted_bytes:
        return held
    _, first = np.unique(order, return_index=True)
    candidate = np.zeros(len(order), dtype=np.bool_)
    candidate[first] = True
    for source in np.unique(sources):
        of_source = sources == source
        own = int(sizes[of_source].sum())
        left = int(min(own * (wanted_bytes / total), own * MOST_HELD_OUT))
        members = np.flatnonzero(of_source & candidate)
        smallest = int(sizes[members].min()) if len(members) else 0
        for index in members[np.argsort(order[members], kind="stable")]:
            if left < smallest:
                break
            if sizes[index] <= left:
                held[index] = True
                left -= int(sizes[index])
    return held

"""A hash table of positions: which of many keys are equal, in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel


@kernel
def clear(table: NDArray[np.int32], count: int) -> int:
    """Make the table, of 4 * count + 4 places, ready for `count` keys, half full at most; returns the mask of its slots."""
    size = 4
    while size < 2 * count:
        size *= 2
    table[:size] = 0
    return size - 1


@kernel
def first_equal(table: NDArray[np.int32], mask: int, keys: NDArray[np.uint64], place: int) -> int:
    """The first place that was asked for with the key of this one: `place` itself if there was none."""
    key = keys[place]
    slot = np.int64(key & np.uint64(mask))
    while table[slot] != 0:
        first: int = table[slot] - 1
        if keys[first] == key:
            return first
        slot = (slot + 1) & mask
    table[slot] = place + 1
    return place

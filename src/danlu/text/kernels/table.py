"""A hash table of places: which of many keys are equal, in one pass.

It is never emptied between uses: what it holds is above the number that it had when the use began, or counts as nothing.
Its first entry is that number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

_MOST = (1 << 31) - 1


@kernel
def new_table(most: int) -> NDArray[np.int32]:
    """A table for as many as `most` keys."""
    return np.zeros(9 * most + 9, np.int32)


@kernel
def find_firsts(
    keys: NDArray[np.uint64], places: NDArray[np.int32], count: int, table: NDArray[np.int32], firsts: NDArray[np.int32]
) -> None:
    """Of each of the first `count` ascending `places`, the first with an equal key: `firsts[place]`, `place` itself if none.

    The table is a quarter full at most. One call for all keys: a call for each would count references of arrays each time.
    """
    if count == 0:
        return
    old, most = int(table[0]), int(places[count - 1]) + 1
    if old > _MOST - most:
        table[:] = 0
        old = 0
    table[0] = old + most
    shift = 62
    while np.int64(1) << (64 - shift) < 4 * count:
        shift -= 1
    for at in range(count):
        place = np.int64(places[at])
        key = keys[place]
        slot = np.int64(key >> np.uint64(shift)) + 1
        first = place
        while True:
            held = np.int64(table[slot]) - old - 1
            if held < 0:
                table[slot] = old + 1 + place
                break
            if keys[held] == key:
                first = held
                break
            slot += 1  # past the last slot there is room
        firsts[place] = first

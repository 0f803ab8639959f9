"""How much of a text says what it has said before, in n-grams of words.

An n-gram that occurs twice has parts that occur twice. So the positions of repeated n-grams are found among those of
repeated shorter ones, of which there are few: all sizes together cost little more than the smallest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.table import clear, first_equal

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MOST_MARKS = 1 << 20  # more would not stay in the processor's cache


@kernel
def repeated_shares(
    hashes: NDArray[np.uint64],
    words: int,
    written: NDArray[np.int32],
    sizes: NDArray[np.int64],
    tops: int,
    keys: NDArray[np.uint64],
    positions: NDArray[np.int32],
    firsts: NDArray[np.int32],
    counts: NDArray[np.int32],
    table: NDArray[np.int32],
    marks: NDArray[np.uint8],
    shares: NDArray[np.float64],
) -> None:
    """For each of the ascending `sizes` n a share of the characters of all words, into `shares`.

    For the first `tops` sizes: what the most frequent n-gram that occurs twice or more makes up, at most 1 (copies may
    overlap). For the others: what second and later copies of n-grams cover, each character counted once.
    `written[i]`: characters of the words before word i, int32[words + 1]. The next four need a place for each word, `table`
    as `clear` says, `marks` sixteen places for each word.
    """
    shares[:] = 0.0
    whole = max(written[words], 1)
    for at in range(words):
        positions[at] = at
        keys[at] = hashes[at]
    active = words
    which = 0
    for size in range(2, sizes[-1] + 1):
        longer = 0
        for at in range(active):
            place = positions[at]
            if place + size <= words:
                keys[place] = keys[place] * _FACTOR + hashes[place + size - 1]
                positions[longer] = place
                longer += 1
        active = longer
        if active < 2:
            return
        wanted = size == sizes[which]
        if not wanted and size % 3 != 0:
            continue
        active = _perhaps_repeated(keys, positions, active, marks)
        mask = clear(table, active)
        for at in range(active):
            counts[positions[at]] = 0
        for at in range(active):
            place = positions[at]
            first = first_equal(table, mask, keys, place)
            firsts[place] = first
            if first != place:
                counts[first] += 1
        kept = 0
        best = covered = reach = 0
        for at in range(active):
            place = positions[at]
            first = firsts[place]
            if first == place:
                if counts[place] == 0:
                    continue
                best = max(best, (written[place + size] - written[place]) * (counts[place] + 1))
            else:
                covered += written[place + size] - written[max(place, reach)]
                reach = place + size
            positions[kept] = place
            kept += 1
        active = kept
        if wanted:
            shares[which] = min(1.0, (best if which < tops else covered) / whole)
            which += 1


@kernel
def _perhaps_repeated(keys: NDArray[np.uint64], positions: NDArray[np.int32], active: int, marks: NDArray[np.uint8]) -> int:
    """Keep the positions whose key may be that of another; few others stay. Returns how many.

    A table of marks alone, without a branch in the loops: most keys are of one position, and this tells most of them.
    """
    size = 16
    while size < 8 * active and size < _MOST_MARKS:
        size *= 2
    mask = np.uint64(size - 1)
    marks[:size] = 0
    for at in range(active):
        slot = keys[positions[at]] & mask
        marks[slot] += marks[slot] < 2
    kept = 0
    for at in range(active):
        place = positions[at]
        positions[kept] = place
        kept += marks[keys[place] & mask] == 2
    return kept

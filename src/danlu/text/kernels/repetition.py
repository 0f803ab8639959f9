"""How much of a text says what it has said before, in n-grams of words.

An n-gram that occurs twice has parts that occur twice. So the positions of repeated n-grams are found among those of
repeated shorter ones, of which there are few: all sizes together cost little more than the smallest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.table import find_firsts

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@kernel
def add_up(hashes: NDArray[np.uint64], words: int, sums: NDArray[np.uint64]) -> None:
    """Polynomial sums of the hashes before each word, so that the key of every n-gram is one subtraction away."""
    sums[0] = np.uint64(0)
    for word in range(words):
        sums[word + 1] = sums[word] * _FACTOR + hashes[word]


@kernel
def repeated_shares(
    sums: NDArray[np.uint64],
    words: int,
    written: NDArray[np.int32],
    sizes: NDArray[np.int64],
    tops: int,
    keys: NDArray[np.uint64],
    positions: NDArray[np.int32],
    firsts: NDArray[np.int32],
    copies: NDArray[np.int32],
    table: NDArray[np.int32],
    shares: NDArray[np.float64],
) -> None:
    """For each of the ascending `sizes` n a share of the characters of all words, into `shares`.

    For the first `tops` sizes: what the most frequent n-gram that occurs twice or more makes up, at most 1 (copies may
    overlap). For the others: what second and later copies of n-grams cover, each character counted once.
    `sums` uint64[words + 1] as of `add_up`; `written[i]`: characters of the words before word i, int32[words + 1]. The next
    four need a place for each word, `table` is one of `danlu.text.kernels.table` for as many.
    """
    shares[:] = 0.0
    whole = max(written[words], 1)
    active = words
    for at in range(words):
        positions[at] = at
    for which in range(len(sizes)):
        size = sizes[which]
        while active > 0 and positions[active - 1] + size > words:
            active -= 1
        if active < 2:
            return
        power = np.uint64(1)
        for _ in range(size):
            power *= _FACTOR
        for at in range(active):
            place = positions[at]
            keys[place] = sums[place + size] - sums[place] * power
            copies[place] = 0
        find_firsts(keys, positions, active, table, firsts)
        for at in range(active):
            place = positions[at]
            copies[firsts[place]] += firsts[place] != place
        repeated = 0
        for at in range(active):
            place = positions[at]
            positions[repeated] = place
            repeated += copies[place] > 0 or firsts[place] != place
        active = repeated
        best = covered = reach = 0
        for at in range(active):
            place = positions[at]
            if firsts[place] == place:
                best = max(best, (written[place + size] - written[place]) * (copies[place] + 1))
            else:
                covered += written[place + size] - written[max(place, reach)]
                reach = place + size
        shares[which] = min(1.0, (best if which < tops else covered) / whole)

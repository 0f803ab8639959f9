"""What a text is made of: how many of its characters are of each kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

KINDS = 14  # bits of flags that are counted: all but those that say how a character is looked at
_BYTES = np.uint64(0x0101010101010101)
_FOURS = np.uint64(0x0001000100010001)
_MOST = 255  # integers whose bits are counted in bytes
_MARK_BIT = np.uint64(8)


@kernel
def count_kinds(kinds: NDArray[np.uint16], count: int, counts: NDArray[np.int64]) -> int:
    """How many of the first `count` characters have each flag into `counts` int64[KINDS]; returns how many runs of marks.

    `kinds` is a multiple of four long and longer than `count`: the flags of four characters are read as one integer, of which
    eight bits are counted at once, each in a byte.
    """
    counts[:] = 0
    integers = count // 4 + 1
    kinds[count : 4 * integers] = 0
    packed = kinds.view(np.uint64)
    runs, before = np.uint64(0), np.uint64(0)
    sums = np.empty(8, np.uint64)
    for start in range(0, integers, _MOST):
        zero = np.uint64(0)
        a, b, c, d, e, f, g, h, begun = zero, zero, zero, zero, zero, zero, zero, zero, zero
        for at in range(start, min(start + _MOST, integers)):
            four = packed[at]
            a += four & _BYTES
            b += (four >> np.uint64(1)) & _BYTES
            c += (four >> np.uint64(2)) & _BYTES
            d += (four >> np.uint64(3)) & _BYTES
            e += (four >> np.uint64(4)) & _BYTES
            f += (four >> np.uint64(5)) & _BYTES
            g += (four >> np.uint64(6)) & _BYTES
            h += (four >> np.uint64(7)) & _BYTES
            begins = four & ~(four << np.uint64(16) | before >> np.uint64(48))
            begun += (begins >> _MARK_BIT) & _FOURS
            before = four
        sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7] = a, b, c, d, e, f, g, h
        runs += _sum_of_fours(begun)
        for bit in range(KINDS):
            counts[bit] += np.int64(_sum_of_fours((sums[bit & 7] >> np.uint64(bit & 8)) & np.uint64(0x00FF00FF00FF00FF)))
    return int(runs)


@kernel
def _sum_of_fours(value: np.uint64) -> np.uint64:
    """The sum of the four integers of 16 bits that an integer holds."""
    return (value * _FOURS) >> np.uint64(48)

"""Windows of bytes by their hashes: where a text may hold an item, and whether it does, byte by byte."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.grams import EMPTY
from danlu.text.kernels.words import mix

_BASE = np.uint64(0x9E3779B97F4A7C15)


@kernel
def hash_windows(data: NDArray[np.uint8], starts: NDArray[np.int64], size: int, hashes: NDArray[np.uint64]) -> None:
    """The hash of the `size` bytes that begin at each of `starts`, uint64[starts]."""
    for index in range(len(starts)):
        value = np.uint64(0)
        for at in range(starts[index], starts[index] + size):
            value = value * _BASE + np.uint64(data[at])
        hashes[index] = mix(value)


@kernel
def find_windows(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    size: int,
    table: NDArray[np.uint64],
    values: NDArray[np.int32],
    bits: NDArray[np.uint64],
    firsts: NDArray[np.int64],
    members: NDArray[np.int64],
    inside: NDArray[np.int64],
    items: NDArray[np.uint8],
    ends: NDArray[np.int64],
    found: NDArray[np.int64],
) -> int:
    """Which texts `data[offsets[i]:offsets[i + 1]]` hold which items `items[ends[j]:ends[j + 1]]`.

    A table as of `danlu.text.kernels.grams.fill_table` knows a window of each item; of the window number v, the items
    `members[firsts[v]:firsts[v + 1]]` have it, `inside[j]` bytes from their beginning. Writes (text, item) into `found`
    int64[room, 2], each once, in the order of their places; returns how many there are, those without room included.
    """
    power = np.uint64(1)
    for _ in range(size):
        power *= _BASE
    mask, last = np.uint64(len(table) - 1), np.uint64(64 * len(bits) - 1)
    seen = np.full(len(ends) - 1, -1, np.int64)  # the last text that had the item
    count = 0
    for text in range(len(offsets) - 1):
        low, high = offsets[text], offsets[text + 1]
        rolled = np.uint64(0)
        for at in range(low, high):
            rolled = rolled * _BASE + np.uint64(data[at])
            begin = at - size + 1
            if begin < low:
                continue
            if begin > low:
                rolled -= np.uint64(data[begin - 1]) * power
            value = mix(rolled)
            bit = (value >> np.uint64(32)) & last
            if (bits[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) == 0:
                continue
            place = value & mask
            while values[place] != EMPTY:
                if table[place] != value:
                    place = (place + np.uint64(1)) & mask
                    continue
                for entry in range(firsts[values[place]], firsts[values[place] + 1]):
                    item = members[entry]
                    start, length = begin - inside[item], ends[item + 1] - ends[item]
                    if seen[item] == text or start < low or start + length > high:
                        continue
                    same = 0
                    while same < length and data[start + same] == items[ends[item] + same]:
                        same += 1
                    if same == length:
                        seen[item] = text
                        if count < len(found):
                            found[count, 0] = text
                            found[count, 1] = item
                        count += 1
                break
    return count

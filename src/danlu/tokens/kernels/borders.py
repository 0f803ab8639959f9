"""A mark at each border within runs of Chinese characters (`danlu.tokens.borders` says where borders are)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

FIRST, LAST = 0xE4B880, 0xE9BEA5  # U+4E00 and U+9FA5 in UTF-8: of the pattern's characters these are cut between
LEAD, LAST_LEAD = FIRST >> 16, LAST >> 16  # the bytes that they begin with
SLOTS = 1 << 20  # bits: 128 KB, which stay in the cache


@register_jitable  # type: ignore[untyped-decorator]
def slot(before: Any, after: Any) -> Any:
    """The place of a pair of characters, UTF-8 as int64, in the table of `Borders`; of arrays of them too."""
    return ((before * 0x9E3779B1 & 0xFFFFFFFF) >> 12) ^ (after & (SLOTS - 1))


@register_jitable  # type: ignore[untyped-decorator]
def is_joined(joined: NDArray[np.uint8], before: Any, after: Any) -> Any:
    """Whether a token may reach across two characters: the bit of their slot, the lowest of a byte first."""
    place = slot(before, after)
    return joined[place >> 3] >> (place & 7) & 1 != 0


@kernel
def mark_borders(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    joined: NDArray[np.uint8],
    mark: int,
    marked: NDArray[np.uint8],
    marked_starts: NDArray[np.int64],
) -> bool:
    """Copy the texts of `data` [bytes], which begin at `starts` [texts + 1], to `marked` with `mark` at each border.

    `marked` needs a place for each byte and for a mark before each third. False, and what was copied means nothing, where a
    text has the mark itself.
    """
    size = 0
    for text in range(len(starts) - 1):
        marked_starts[text] = size
        at, stop = starts[text], starts[text + 1]
        before = np.int64(0)  # the character before this one, where both may be cut between
        while at < stop:
            byte = data[at]
            if LEAD <= byte <= LAST_LEAD and at + 2 < stop:
                code = np.int64(byte) << 16 | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2])
                chinese = (code >= FIRST) & (code <= LAST)
                # without a branch: whether there is a border cannot be foretold
                marked[size] = mark
                size += (before != 0) & chinese & (not is_joined(joined, before, code))
                marked[size], marked[size + 1], marked[size + 2] = byte, data[at + 1], data[at + 2]
                before = code if chinese else np.int64(0)
                size += 3
                at += 3
            else:
                if byte == mark:
                    return False
                marked[size] = byte
                before = np.int64(0)
                size += 1
                at += 1
    marked_starts[-1] = size
    return True


@kernel
def leave_out(tokens: NDArray[np.uint32], mark: int) -> int:
    """Move the `tokens` that are no `mark` to the front of their array; how many they are."""
    size = 0
    for token in tokens:
        tokens[size] = token
        size += token != mark
    return size

"""Thirty-two bytes of plain text at once: most of a text asks for nothing, and need not be looked at byte by byte."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

BLOCK = 32
NOT_PLAIN, ONE_WORD, WORDS = 0, 1, 2


@kernel
def plain(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Whether the bytes `at` to `at + BLOCK` are visible ASCII but `<`, `>`, `&`, and lone spaces with such a byte after each;
    and whether there is a space among them. Never at the end of a text, where what follows is not known.

    Written so that a compiler makes a few vector instructions of it: no branch, unsigned places, one byte for each answer.
    """
    if at + BLOCK >= end:
        return NOT_PLAIN
    odd = spaces = np.uint8(0)
    start = np.uint64(at)
    for step in range(BLOCK):
        place = start + np.uint64(step)
        byte, after = data[place], data[place + np.uint64(1)]
        odd |= np.uint8(byte < 0x20) | np.uint8(byte > 0x7E)
        odd |= np.uint8(byte == 0x3C) | np.uint8(byte == 0x3E) | np.uint8(byte == 0x26)
        space = np.uint8(byte == 0x20)
        odd |= space & (np.uint8(after <= 0x20) | np.uint8(after > 0x7E))
        spaces |= space
    return NOT_PLAIN if odd else WORDS if spaces else ONE_WORD

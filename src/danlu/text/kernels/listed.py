"""Words that are in lists, and what else one look at each word of a text tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.kinds import LETTER


@kernel
def meanings_of(
    hashes: NDArray[np.uint64], words: int, listed: NDArray[np.uint64], meanings: NDArray[np.uint64], factor: np.uint64
) -> np.uint64:
    """The `meanings`, bits of each, of all listed words among the first `words`.

    `listed` is a table of hashes of words, a power of two long and 0 where empty, in which no two words want the same place:
    a word's is the upper bits of its hash times `factor`. So no branch depends on what words there are.
    """
    shift = 64
    while 1 << (64 - shift) < len(listed):
        shift -= 1
    found = np.uint64(0)
    for word in range(words):
        value = hashes[word]
        slot = (value * factor) >> np.uint64(shift)
        found |= meanings[slot] if listed[slot] == value else np.uint64(0)
    return found


@kernel
def count_pairs(hashes: NDArray[np.uint64], words: int, first: np.uint64, second: np.uint64) -> int:
    """How many times the word `second` comes right after `first`."""
    pairs = 0
    for word in range(1, words):
        pairs += hashes[word] == second and hashes[word - 1] == first
    return pairs


@kernel
def count_alphabetic(kinds: NDArray[np.uint16], words: int, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> int:
    """How many words have a letter; nearly all begin with one."""
    alphabetic = 0
    for word in range(words):
        at, end = starts[word], ends[word]
        while at < end and kinds[at] & LETTER == 0:
            at += 1
        alphabetic += at < end
    return alphabetic

"""Runs of words by their hashes: where a document has a run that is in a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.words import mix

_BASE = np.uint64(0x9E3779B97F4A7C15)
EMPTY = -1
"""The value of a place of a table that holds nothing."""


@kernel
def _roll(words: NDArray[np.uint64], low: int, high: int, sums: NDArray[np.uint64]) -> None:
    """Polynomial sums of words `low` to `high` from the first on, so that the hash of every run is one subtraction away."""
    sums[0] = np.uint64(0)
    for at in range(low, high):
        sums[at - low + 1] = sums[at - low] * _BASE + words[at]


@kernel
def _power(size: int) -> np.uint64:
    power = np.uint64(1)
    for _ in range(size):
        power *= _BASE
    return power


@kernel
def hash_grams(words: NDArray[np.uint64], size: int, hashes: NDArray[np.uint64]) -> None:
    """The hash of each run of `size` words, uint64[len(words) - size + 1]."""
    sums = np.empty(len(words) + 1, np.uint64)
    _roll(words, 0, len(words), sums)
    power = _power(size)
    for at in range(len(words) - size + 1):
        hashes[at] = mix(sums[at + size] - sums[at] * power + np.uint64(size))


@kernel
def fill_table(
    hashes: NDArray[np.uint64], table: NDArray[np.uint64], values: NDArray[np.int32], bits: NDArray[np.uint64]
) -> None:
    """Put distinct hashes into a table (open addressing; its size is a power of two above theirs), with their index as value.

    `bits` is a filter small enough for the processor's cache: one bit of it is set for each hash.
    """
    mask, last = np.uint64(len(table) - 1), np.uint64(64 * len(bits) - 1)
    for index in range(len(hashes)):
        bit = (hashes[index] >> np.uint64(32)) & last
        bits[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        place = hashes[index] & mask
        while values[place] != EMPTY:
            place = (place + np.uint64(1)) & mask
        table[place] = hashes[index]
        values[place] = index


@kernel
def find_grams(
    words: NDArray[np.uint64],
    firsts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    table: NDArray[np.uint64],
    values: NDArray[np.int32],
    bits: NDArray[np.uint64],
    documents: NDArray[np.int32],
    places: NDArray[np.int64],
    found: NDArray[np.int32],
) -> int:
    """The runs of `sizes` words that are in the table: in which document, at which word of all, which value.

    `words` uint64[words] are the hashes of the words of all documents, `firsts` int64[documents + 1] says whose they are.
    Returns how many runs there are; those beyond the length of the last three arrays are counted but not written.
    """
    longest = 0
    for document in range(len(firsts) - 1):
        longest = max(longest, firsts[document + 1] - firsts[document])
    sums = np.empty(longest + 1, np.uint64)
    mask, last = np.uint64(len(table) - 1), np.uint64(64 * len(bits) - 1)
    count = 0
    for document in range(len(firsts) - 1):
        low, high = firsts[document], firsts[document + 1]
        _roll(words, low, high, sums)
        for size in sizes:
            power = _power(size)
            for at in range(high - low - size + 1):
                value = mix(sums[at + size] - sums[at] * power + np.uint64(size))
                bit = (value >> np.uint64(32)) & last
                if (bits[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) == 0:
                    continue
                place = value & mask
                while values[place] != EMPTY:
                    if table[place] == value:
                        if count < len(found):
                            documents[count] = document
                            places[count] = low + at
                            found[count] = values[place]
                        count += 1
                        break
                    place = (place + np.uint64(1)) & mask
    return count

"""Words: runs of letters and digits, apostrophes between letters included; in scripts without spaces each letter is a word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.decode import decode
from danlu.text.kernels.kinds import ALONE, DIGIT, LETTER

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@kernel
def mix(value: np.uint64) -> np.uint64:
    """A bijection of 64-bit integers that leaves no pattern (the finaliser of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def split_words(
    codes: NDArray[np.uint32],
    kinds: NDArray[np.uint16],
    count: int,
    lower: NDArray[np.uint32],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> int:
    """The words of the first `count` code points: where each begins and ends, and the hash of it in lower case.

    Returns how many there are. The three last need a place for each code point. Where a word ends no branch can foresee, so
    that in scripts with spaces there is none: every character writes a word, and the next writes over it unless it ended.
    """
    words = start = 0
    inside = False  # a word that more letters can join
    value = _FACTOR
    for at in range(count):
        code, kind = codes[at], kinds[at]
        joins = kind & (LETTER | DIGIT) != 0
        if code == 0x27 or code == 0x2019:
            joins = inside and at + 1 < count and kinds[at - 1] & LETTER != 0 and kinds[at + 1] & (LETTER | ALONE) == LETTER
        elif kind & ALONE != 0:
            if inside:
                starts[words], ends[words], hashes[words] = start, at, value
                words += 1
                inside, value = False, _FACTOR
            starts[words], ends[words], hashes[words] = at, at + 1, (_FACTOR ^ np.uint64(lower[code])) * _FACTOR
            words += 1
            continue
        start = start if inside else at
        starts[words], ends[words], hashes[words] = start, at, value
        words += inside and not joins
        joined = (value ^ np.uint64(lower[code])) * _FACTOR
        value = joined if joins else _FACTOR
        inside = joins
    if inside:
        starts[words], ends[words], hashes[words] = start, count, value
        words += 1
    for word in range(words):
        hashes[word] = mix(hashes[word])
    return words


@kernel
def hash_words(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    table: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    hashes: NDArray[np.uint64],
    firsts: NDArray[np.int64],
) -> None:
    """The hashes of the words of every document one after another, and the first of each, int64[documents + 1].

    `hashes` needs a place for each byte of the text but what two bytes can hold: (bytes + documents) // 2 + documents.
    """
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    codes, kinds = np.empty(longest, np.uint32), np.empty(longest, np.uint16)
    starts, ends = np.empty(longest, np.int32), np.empty(longest, np.int32)
    found = np.empty(longest, np.uint64)
    firsts[0] = 0
    for row in range(len(offsets) - 1):
        count = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        words = split_words(codes, kinds, count, lower, starts, ends, found)
        first = firsts[row]
        hashes[first : first + words] = found[:words]
        firsts[row + 1] = first + words

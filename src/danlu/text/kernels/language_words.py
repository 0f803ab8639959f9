"""The words of a text as n-grams: the numbers of a word's, and the sum of their rows, kept from one word to the next like it.

Text is made of few words that come again and again, so most sums are found in a small table (`Kept`) and not made anew. Sums
are exact and a kept word is told by all its letters, so what is in the table changes nothing but the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

Integers = NDArray[np.int64]

BITS = 15  # of a bucket's number
WIDTH = 16  # of a bucket's row
WORD = 48  # characters of a word at most: a longer run is read as several words
NUMBERS = 3 * (WORD + 1) + 1  # of the longest word
FULL = 256  # rows that the lanes of a sum hold
KEY = 16  # bytes of a word whose sum is kept at most
SLOTS = 1 << 13  # sums kept: what a core's own cache holds

# Columns of the table of words
SCRIPT, FIRST, LAST, SEGMENT = 0, 1, 2, 3

# Columns of the sums that are kept, after the four of a sum: the word's key, and whether it came again
KEY_LOW, KEY_HIGH, AGAIN = 4, 5, 6
KEPT = 8  # columns: a line of the cache

# Odd multipliers of a multiply-shift hash, drawn once: one for each character of an n-gram, and what its length adds
_K0, _K1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_K2, _K3 = np.uint64(0x94D049BB133111EB), np.uint64(0xD6E8FEB86659FD93)
_TWO, _THREE, _FOUR = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB), np.uint64(0x8EBC6AF09C88C6E3)
_WORD = np.uint64(0x589965CC75374CC3)
_SHIFT, _SLOT_SHIFT = np.uint64(64 - BITS), np.uint64(64 - SLOTS.bit_length() + 1)
_SPACE, _NONE, _LANE = np.uint64(32), np.uint64(0), np.uint64(0xFFFF)


@kernel
def gram_numbers(c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64]:
    """The numbers of the 2-, 3- and 4-gram that end with the character `c0`, before which are `c1`, `c2` and `c3`."""
    two = c0 * _K0 + c1 * _K1
    three = two + c2 * _K2
    return (two + _TWO) >> _SHIFT, (three + _THREE) >> _SHIFT, (three + c3 * _K3 + _FOUR) >> _SHIFT


@kernel
def word_numbers(word: NDArray[np.uint16], numbers: NDArray[np.uint16]) -> int:
    """The numbers of the rows of a word's 2-, 3- and 4-grams, a space at both its ends, and of the word itself; how many.

    `word` is its characters in lower case, `WORD` at most; `numbers` has room for `NUMBERS`.
    """
    used = 0
    c1, c2, c3, whole = _SPACE, _NONE, _NONE, _NONE
    for character in word:
        c0 = np.uint64(character)
        numbers[used], numbers[used + 1], numbers[used + 2] = gram_numbers(c0, c1, c2, c3)
        used += 3
        whole = (whole + c0) * _K1
        c1, c2, c3 = c0, c1, c2
    numbers[used], numbers[used + 1], numbers[used + 2] = gram_numbers(_SPACE, c1, c2, c3)
    numbers[used + 3] = (whole * _K0 + _WORD) >> _SHIFT
    return used + 4


@kernel
def sum_word(word: NDArray[np.uint16], lanes: NDArray[np.uint64], total: NDArray[np.uint64]) -> None:
    """The sum of the rows with a word's numbers into `total` [WIDTH // 4].

    `lanes` [buckets, WIDTH // 4] has four values, each with 128 added, side by side in the 16-bit lanes of an integer: `FULL`
    rows are summed before a lane is full.
    """
    c1, c2, c3, whole = _SPACE, _NONE, _NONE, _NONE
    first = second = third = fourth = _NONE
    for character in word:
        c0 = np.uint64(character)
        a, b, c = gram_numbers(c0, c1, c2, c3)
        first += lanes[a, 0] + lanes[b, 0] + lanes[c, 0]
        second += lanes[a, 1] + lanes[b, 1] + lanes[c, 1]
        third += lanes[a, 2] + lanes[b, 2] + lanes[c, 2]
        fourth += lanes[a, 3] + lanes[b, 3] + lanes[c, 3]
        whole = (whole + c0) * _K1
        c1, c2, c3 = c0, c1, c2
    a, b, c = gram_numbers(_SPACE, c1, c2, c3)
    d = (whole * _K0 + _WORD) >> _SHIFT
    total[0] = first + lanes[a, 0] + lanes[b, 0] + lanes[c, 0] + lanes[d, 0]
    total[1] = second + lanes[a, 1] + lanes[b, 1] + lanes[c, 1] + lanes[d, 1]
    total[2] = third + lanes[a, 2] + lanes[b, 2] + lanes[c, 2] + lanes[d, 2]
    total[3] = fourth + lanes[a, 3] + lanes[b, 3] + lanes[c, 3] + lanes[d, 3]


@kernel
def spread(
    first: np.uint64, second: np.uint64, third: np.uint64, fourth: np.uint64, count: int, total: NDArray[np.int32]
) -> None:
    """Add to `total` [WIDTH] the values of four lanes, which are sums of `count` rows."""
    less = np.int32(128 * count)
    place = 0
    for sums in (first, second, third, fourth):
        for shift in (0, 16, 32, 48):
            total[place] += np.int32((sums >> np.uint64(shift)) & _LANE) - less
            place += 1


@kernel
def sum_words(
    words: NDArray[np.int32], keys: NDArray[np.uint64], characters: NDArray[np.uint16], script: int | np.int64,
    lanes: NDArray[np.uint64], kept: NDArray[np.uint64], vectors: NDArray[np.int32], grams: Integers,
) -> None:  # fmt: skip
    """Add the rows of the script's words to the `vectors` [segments, WIDTH] of their segments, and how many to `grams`.

    `words` [words, 4], `keys` [words, 2] and `characters` are as `danlu.text.kernels.languages.read` makes them. `kept` [SLOTS
    + 1, KEPT], zeros at first, has sums of words; its last place is for the word that is not kept.
    """
    first = second = third = fourth = _NONE
    count, segment = 0, np.int32(0)  # the rows in the lanes, and the segment that they are of
    for place in range(len(words)):
        if words[place, SCRIPT] != script:
            continue
        start, stop = words[place, FIRST], words[place, LAST]
        more = 3 * (stop - start + 1) + 1
        if words[place, SEGMENT] != segment or count + more > FULL:
            spread(first, second, third, fourth, count, vectors[segment])
            grams[segment] += count
            first = second = third = fourth = _NONE
            count, segment = 0, words[place, SEGMENT]
        low, high = keys[place, 0], keys[place, 1]
        slot = (low * _K0 ^ high * _K1) >> _SLOT_SHIFT
        if low == 0 or kept[slot, KEY_LOW] != low or kept[slot, KEY_HIGH] != high:
            # A word that was met again since another came to its place stays, so that frequent words do
            slot, old = np.uint64(SLOTS), slot
            if low != 0 and kept[old, AGAIN] == 0:
                slot = old
                kept[slot, KEY_LOW], kept[slot, KEY_HIGH] = low, high
            kept[old, AGAIN] = 0
            sum_word(characters[start:stop], lanes, kept[slot])
        else:
            kept[slot, AGAIN] = 1
        first += kept[slot, 0]
        second += kept[slot, 1]
        third += kept[slot, 2]
        fourth += kept[slot, 3]
        count += more
    spread(first, second, third, fourth, count, vectors[segment])
    grams[segment] += count

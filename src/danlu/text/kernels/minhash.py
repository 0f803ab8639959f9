"""Shingles of documents, their MinHash signatures in bands, and how many shingles two documents share.

A shingle begins at every word and takes words until they weigh enough: `spaced` words of scripts with spaces, or `alone`
letters of scripts without, or a mixture in between. What a shingle is depends on its own words alone, so equal stretches of
two documents have equal shingles, whatever stands around them. A document that weighs less than a shingle has one, of all
its words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.decode import decode
from danlu.text.kernels.kinds import ALONE
from danlu.text.kernels.words import mix, split_words

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_OTHER_FACTOR = np.uint64(0xC2B2AE3D27D4EB4F)
_BLOCK = 1 << 16  # bytes of a document that are looked at together: what is held of it does not grow with it
_SEARCH = 1 << 12  # a block ends after a space among so many of its last bytes


@kernel
def _block_end(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Where the block that begins at `start` ends: behind a space if there is one, never inside a character."""
    stop = start + _BLOCK
    if stop >= end:
        return end
    for at in range(stop, stop - _SEARCH, -1):
        if data[at - 1] <= 0x20:
            return at
    while data[stop] & 0xC0 == 0x80 and stop > start + _BLOCK - 4:
        stop -= 1
    return stop


@kernel
def _roll(
    words: NDArray[np.uint64], weights: NDArray[np.uint8], count: int, enough: int, shingles: NDArray[np.uint64]
) -> tuple[int, int]:
    """The shingles of `count` words. Returns how many there are, and the first word for whose shingle words are missing."""
    made = 0
    end = weight = 0
    value = np.uint64(0)
    power = np.uint64(1)  # of the factor, to the number of words in the window
    for first in range(count):
        while weight < enough and end < count:
            value = value * _FACTOR + words[end]
            power *= _FACTOR
            weight += weights[end]
            end += 1
        if weight < enough:
            return made, first
        shingles[made] = mix(value + power)
        made += 1
        power *= _INVERSE
        value -= words[first] * power
        weight -= weights[first]
    return made, count


@kernel
def _space() -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]]:
    """For the characters of a block, what each is, and where its words begin and end."""
    return np.empty(_BLOCK, np.uint32), np.empty(_BLOCK, np.uint16), np.empty(_BLOCK, np.int32), np.empty(_BLOCK, np.int32)


@kernel
def _next_block(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    table: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    sizes: tuple[int, int],
    space: tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]],
    words: NDArray[np.uint64],
    weights: NDArray[np.uint8],
    held: int,
) -> tuple[int, int]:
    """Appends the words of one block to the `held` ones. Returns where the next block begins, and how many are held now."""
    codes, kinds, starts, ends = space
    stop = _block_end(data, start, end)
    count = decode(data, start, stop, table, codes, kinds)
    found = split_words(codes, kinds, count, lower, starts, ends, words[held:])
    for word in range(found):
        alone = kinds[starts[word]] & ALONE != 0
        weights[held + word] = sizes[0] if alone else sizes[1]
    return stop, held + found


@kernel
def sign(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    table: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    sizes: tuple[int, int],
    factors: NDArray[np.uint32],
    addends: NDArray[np.uint32],
    rows: int,
    minima: NDArray[np.uint32],
    bands: NDArray[np.uint64],
    whole: NDArray[np.uint64],
    counts: NDArray[np.int64],
) -> None:
    """The MinHash of each document. `sizes`: (spaced, alone), how many words of either kind make a shingle.

    minima[d, i]: the smallest factors[i] * shingle + addends[i] modulo 2**32 (odd factors, so each is a permutation of the
    upper halves of the shingles' hashes). bands[d, b]: hash of `rows` minima. whole[d]: 128 bits of the sequence of words.
    counts[d]: shingles, copies included; 0 where a document has no words.
    """
    space = _space()
    words = np.empty(_BLOCK + 256, np.uint64)
    weights = np.empty(_BLOCK + 256, np.uint8)
    shingles = np.empty(_BLOCK + 256, np.uint64)
    enough = sizes[0] * sizes[1]
    for row in range(len(offsets) - 1):
        least = minima[row]
        least[:] = np.uint32(0xFFFFFFFF)
        at, end = offsets[row], offsets[row + 1]
        held = total = 0
        left, right = _FACTOR, _OTHER_FACTOR
        while at < end:
            old = held
            at, held = _next_block(data, at, end, table, lower, sizes, space, words, weights, held)
            for word in range(old, held):
                left = (left ^ words[word]) * _OTHER_FACTOR
                left ^= left >> np.uint64(29)
                right = (right + words[word]) * _FACTOR
                right ^= right >> np.uint64(32)
            made, first = _roll(words, weights, held, enough, shingles)
            _lower_minima(shingles, made, factors, addends, least)
            total += made
            for word in range(first, held):
                words[word - first], weights[word - first] = words[word], weights[word]
            held -= first
        if not total and held:
            shingles[0] = _of_all(words, held)
            _lower_minima(shingles, 1, factors, addends, least)
            total = 1
        counts[row] = total
        whole[row, 0], whole[row, 1] = mix(left), mix(right)
        for band in range(bands.shape[1]):
            value = np.uint64(band + 1)
            for place in range(band * rows, band * rows + rows):
                value = mix((value ^ np.uint64(least[place])) * _FACTOR)
            bands[row, band] = value


@kernel
def _of_all(words: NDArray[np.uint64], count: int) -> np.uint64:
    """The one shingle of a document that is too short for any."""
    value = np.uint64(0)
    power = np.uint64(1)
    for word in range(count):
        value = value * _FACTOR + words[word]
        power *= _FACTOR
    return mix(value + power)


@kernel
def _lower_minima(
    shingles: NDArray[np.uint64],
    count: int,
    factors: NDArray[np.uint32],
    addends: NDArray[np.uint32],
    least: NDArray[np.uint32],
) -> None:
    size = len(least)
    for at in range(count):
        value = np.uint32(shingles[at] >> np.uint64(32))
        for place in range(size):
            image = np.uint32(factors[place] * value + addends[place])
            least[place] = min(least[place], image)


@kernel
def shingle_sets(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    table: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    sizes: tuple[int, int],
    sets: NDArray[np.uint64],
    firsts: NDArray[np.int64],
) -> None:
    """The distinct shingles of the documents `rows`, sorted, one document after another in `sets`.

    firsts[i] is where the i-th begins, firsts[len(rows)] the end. `sets` has a place for each shingle, copies included.
    """
    space = _space()
    words = np.empty(_BLOCK + 256, np.uint64)
    weights = np.empty(_BLOCK + 256, np.uint8)
    enough = sizes[0] * sizes[1]
    firsts[0] = 0
    for index in range(len(rows)):
        at, end = offsets[rows[index]], offsets[rows[index] + 1]
        begin = firsts[index]
        held = total = 0
        while at < end:
            at, held = _next_block(data, at, end, table, lower, sizes, space, words, weights, held)
            made, first = _roll(words, weights, held, enough, sets[begin + total :])
            total += made
            for word in range(first, held):
                words[word - first], weights[word - first] = words[word], weights[word]
            held -= first
        if not total and held:
            sets[begin] = _of_all(words, held)
            total = 1
        own = sets[begin : begin + total]
        own.sort()
        size = min(total, 1)
        for place in range(1, total):
            if own[place] != own[size - 1]:
                own[size] = own[place]
                size += 1
        firsts[index + 1] = begin + size


@kernel
def count_shared(
    sets: NDArray[np.uint64],
    firsts: NDArray[np.int64],
    pairs: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Adds to shared[p] how many members the sets pairs[p, 0] and pairs[p, 1] have in common; both are sorted."""
    for pair in range(len(pairs)):
        one, one_end = firsts[pairs[pair, 0]], firsts[pairs[pair, 0] + 1]
        other, other_end = firsts[pairs[pair, 1]], firsts[pairs[pair, 1] + 1]
        found = 0
        while one < one_end and other < other_end:
            left, right = sets[one], sets[other]
            found += left == right
            one += left <= right
            other += right <= left
        shared[pair] += found

"""Words that are spelled wrong, by a set of known words; and characters that a language model finds out of place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.characters import HAN
from danlu.text.kernels.ngrams import back_of, cost_of, extend, look_up
from danlu.text.kernels.tokens import BOUNDARY, LEAST_HASH, UNKNOWN, decode, mix, read_tokens

CHUNK = 512
SHORTEST, LONGEST = 4, 24  # letters of a word that is judged

_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_BEFORE = np.isin(np.arange(256), list(b' \t\n\r("') + list(range(0x80, 0x100)))  # bytes that a word of prose stands behind
_AFTER = np.isin(np.arange(256), list(b' \t\n\r,.;:!?)"') + list(range(0x80, 0x100)))


@kernel
def add_keys(keys: NDArray[np.uint64], table: NDArray[np.uint64]) -> None:
    """Put keys, none 0, into a set: an array, a power of two long, of 0 where nothing is."""
    mask = np.uint64(len(table) - 1)
    for key in keys:
        slot = np.int64(key & mask)
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = key


@kernel
def has_key(table: NDArray[np.uint64], key: np.uint64) -> bool:
    slot = np.int64(key & np.uint64(len(table) - 1))
    while table[slot] != 0:
        if table[slot] == key:
            return True
        slot = (slot + 1) & (len(table) - 1)
    return False


@kernel
def is_prose(data: NDArray[np.uint8], start: int, end: int, first: int, stop: int) -> bool:
    """Whether a word is of small letters a to z and stands as words of prose do: no name, code, address or number."""
    if end - start < SHORTEST or end - start > LONGEST:
        return False
    for at in range(start, end):
        if data[at] < 0x61 or data[at] > 0x7A:
            return False
    if start > first and not _BEFORE[data[start - 1]]:
        return False
    if end < stop and not _AFTER[data[end]]:
        return False
    # A sign is followed by a space or another sign: "file.txt", "a:b" and "1,000" are no prose.
    return end + 1 >= stop or data[end] <= 0x20 or data[end] >= 0x80 or data[end + 1] < 0x30 or data[end + 1] >= 0x80


@kernel
def step(state: np.uint64, letter: int) -> np.uint64:
    """The hash of one letter more, as `read_tokens` makes it; `close` ends it."""
    return (state ^ np.uint64(letter)) * _PRIME


@kernel
def close(state: np.uint64) -> np.uint64:
    return max(mix(state), LEAST_HASH)


@kernel
def rest_of(state: np.uint64, data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    for at in range(start, end):
        state = step(state, data[at])
    return close(state)


@kernel
def is_near(data: NDArray[np.uint8], start: int, end: int, common: NDArray[np.uint64]) -> bool:
    """Whether one letter more, less or other, or two swapped, make a common word of it."""
    before = _SEED
    for at in range(start, end + 1):
        if at < end and has_key(common, rest_of(before, data, at + 1, end)):
            return True
        if at + 1 < end and has_key(common, rest_of(step(step(before, data[at + 1]), data[at]), data, at + 2, end)):
            return True
        for letter in range(0x61, 0x7B):
            state = step(before, letter)
            if has_key(common, rest_of(state, data, at, end)):
                return True
            if at < end and has_key(common, rest_of(state, data, at + 1, end)):
                return True
        if at < end:
            before = step(before, data[at])
    return False


@kernel
def count_misspelled(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    known: NDArray[np.uint64],
    common: NDArray[np.uint64],
    slots: NDArray[np.uint64],
    begins: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """For each wanted text how many words it has, and how many are misspelled: prose, not in `known` nor among the 1-grams of a
    language model (`slots[begins[0]:begins[1]]`), and one letter from a word that is common. Writes to `counts` [texts, 2]."""
    hashes = np.empty(CHUNK, np.uint64)
    starts, ends = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words = np.empty(CHUNK, np.bool_)
    for text in range(len(offsets) - 1):
        if not wanted[text]:
            continue
        first, stop = offsets[text], offsets[text + 1]
        place, pending = first, False
        while place <= stop:
            count, place, pending = read_tokens(data, place, stop, pending, kinds, fold, hashes, starts, ends, words)
            for at in range(count):
                if not words[at]:
                    continue
                counts[text, 0] += 1
                if not is_prose(data, starts[at], ends[at], first, stop) or has_key(known, hashes[at]):
                    continue
                if begins[1] > 0 and look_up(slots, 0, begins[1], hashes[at]) != 0:
                    continue
                counts[text, 1] += is_near(data, starts[at], ends[at], common)


@kernel
def count_misplaced(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    slots: NDArray[np.uint64],
    begins: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """For each wanted text how many Han characters it has, and how many are out of place: by a language model the two pairs
    with its neighbours are together rarer than those characters would meet by chance. Writes to `counts` [texts, 2]."""
    hashes = np.empty(CHUNK, np.uint64)
    starts, ends = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words = np.empty(CHUNK, np.bool_)
    first = look_up(slots, begins[0], begins[1] - begins[0], BOUNDARY)
    unknown = look_up(slots, begins[0], begins[1] - begins[0], UNKNOWN)
    for text in range(len(offsets) - 1):
        if not wanted[text]:
            continue
        place, stop, pending = offsets[text], offsets[text + 1], False
        before, weight, left, was_han = BOUNDARY, back_of(first), np.int64(0), False
        while place <= stop:
            count, place, pending = read_tokens(data, place, stop, pending, kinds, fold, hashes, starts, ends, words)
            for at in range(count):
                token = hashes[at]
                is_han = words[at] and kinds[decode(data, starts[at], ends[at])[0]] & HAN != 0
                alone = look_up(slots, begins[0], begins[1] - begins[0], token)
                if alone == 0:
                    token, alone = UNKNOWN, unknown
                pair = look_up(slots, begins[1], begins[2] - begins[1], extend(token, before))
                # Bits by which this token is likelier after the one before than anywhere.
                gain = -weight if pair == 0 else cost_of(alone) - cost_of(pair)
                counts[text, 1] += was_han and left + gain < 0
                counts[text, 0] += is_han
                before, weight, left, was_han = token, back_of(alone), gain, is_han

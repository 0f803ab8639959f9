"""UTF-8 bytes to tokens: what language models and classifiers of documents are made of.

A word is as everywhere in `danlu.text`: a run of letters and digits, apostrophes between letters included; in scripts without
spaces each letter is one. Beside words, here a run of one sign is a token too, and the end of a line that has tokens. A token
is known by a hash of its characters, folded by a table (case, width of signs, digits as one).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.characters import ALONE, DIGIT, LETTER, NEWLINE, SPACE, TABLE_SIZE

BOUNDARY = np.uint64(0x9E3779B97F4A7C15)  # the end of a line and, as what stands before a word, its beginning
UNKNOWN = np.uint64(0xD1B54A32D192ED03)  # stands for every word that a model does not know
LEAST_HASH = np.uint64(1)  # 0 is no token

_INSIDE = LETTER | DIGIT
_APOSTROPHE, _QUOTE = 0x27, 0x2019
_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


@kernel
def mix(value: np.uint64) -> np.uint64:
    """A bijection of 64-bit integers that leaves no pattern (the finaliser of MurmurHash3)."""
    value = (value ^ (value >> _SHIFT)) * _MIX_1
    value = (value ^ (value >> _SHIFT)) * _MIX_2
    return value ^ (value >> _SHIFT)


@kernel
def decode(data: NDArray[np.uint8], place: int, stop: int) -> tuple[np.int64, int]:
    """The code point at `place` and its length in bytes; a broken sequence counts as one byte of U+FFFD."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, 1
    if first >= 0xF0 and place + 3 < stop:
        code = (first & 7) << 18 | (np.int64(data[place + 1]) & 63) << 12
        code |= (np.int64(data[place + 2]) & 63) << 6 | np.int64(data[place + 3]) & 63
        return min(code, np.int64(TABLE_SIZE - 1)), 4
    if first >= 0xE0 and place + 2 < stop:
        return (first & 15) << 12 | (np.int64(data[place + 1]) & 63) << 6 | np.int64(data[place + 2]) & 63, 3
    if first >= 0xC0 and place + 1 < stop:
        return (first & 31) << 6 | np.int64(data[place + 1]) & 63, 2
    return np.int64(0xFFFD), 1


@kernel
def read_tokens(
    data: NDArray[np.uint8],
    place: int,
    stop: int,
    pending: bool,
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    words: NDArray[np.bool_],
) -> tuple[int, int, bool]:
    """Read tokens of `data[place:stop]` until the arrays are full or the text ends (then with the end of its last line).

    `pending`: the line has tokens already. Writes each token's hash, its bytes `starts` to `ends`, and whether it is a word.
    Returns how many tokens, where to go on (`stop` + 1: the text has ended), and `pending` for the next call.
    """
    count, most = 0, len(hashes)
    while place < stop and count < most:
        code, length = decode(data, place, stop)
        kind = kinds[code]
        if kind & SPACE:
            place += length
            if code == NEWLINE and pending:
                hashes[count], starts[count], ends[count], words[count] = BOUNDARY, place, place, False
                count += 1
                pending = False
            continue
        begin = place
        pending = True
        value = (_SEED ^ np.uint64(fold[code])) * _PRIME
        place += length
        is_word = kind & _INSIDE != 0
        if is_word and not kind & ALONE:
            while place < stop:
                next_code, length = decode(data, place, stop)
                next_kind = kinds[next_code]
                if next_kind & ALONE or not next_kind & _INSIDE:
                    if (next_code != _APOSTROPHE and next_code != _QUOTE) or not kind & LETTER or place + length >= stop:
                        break
                    after, _ = decode(data, place + length, stop)
                    if kinds[after] & (LETTER | ALONE) != LETTER:
                        break
                    next_code = np.int64(_APOSTROPHE)
                value = (value ^ np.uint64(fold[next_code])) * _PRIME
                kind = next_kind
                place += length
        elif not is_word:
            while place < stop and decode(data, place, stop)[0] == code:
                place += length
        hashes[count] = max(mix(value), LEAST_HASH)
        starts[count], ends[count], words[count] = begin, place, is_word
        count += 1
    if place >= stop and count < most:
        place = stop + 1
        if pending:
            hashes[count], starts[count], ends[count], words[count] = BOUNDARY, stop, stop, False
            count += 1
            pending = False
    return count, place, pending

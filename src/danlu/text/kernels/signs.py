"""Signs of a text: runs, addresses, mark-up, damage and ends of sentences among its characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.kinds import ALONE, CONTINUED, ENDING, LETTER, SIGN, SPACE

_MOST_TAG = 200  # characters of a tag
_MOST_ENTITY = 12

SIGN_COUNTS = (
    "run_characters", "run_letters", "hashes", "ellipses", "url_characters", "braces", "markup_characters", "mojibake",
    "sentences",
)  # fmt: skip
_RUNS, _RUN_LETTERS, _HASHES, _ELLIPSES, _URLS, _BRACES, _MARKUP, _MOJIBAKE, _SENTENCES = range(len(SIGN_COUNTS))


@kernel
def count_signs(codes: NDArray[np.uint32], kinds: NDArray[np.uint16], count: int, run: int, counts: NDArray[np.int64]) -> None:
    """Into `counts`, as `SIGN_COUNTS` names them. `run`: so many equal characters in a row (spaces apart) are a run.

    Three equal characters in a row are as rare as signs, and all others are passed over with one branch.
    """
    counts[:] = 0
    url = tag = equal = 0  # where what was found last ends
    before, previous = np.uint32(0xFFFFFFFF), np.uint32(0xFFFFFFFF)
    for at in range(count):
        code, kind = codes[at], kinds[at]
        third = code == previous and code == before
        before, previous = previous, code
        if not (third or kind & SIGN != 0):
            continue
        if third and at >= equal:
            equal = _end_of_run(codes, at, count)
            _count_run(code, kind, equal - (at - 2), run, counts)
        if kind & SIGN == 0:
            continue
        if code == 0x2E or code == 0x21 or code == 0x3F:
            if code == 0x2E and at >= url and _ends_www(codes, at, count):
                url = _end_of_url(codes, at, count)
                counts[_URLS] += url - (at - 3)
            elif _ends_sentence(codes, kinds, at, count):
                counts[_SENTENCES] += 1
        elif code == 0x3A:
            scheme = _scheme(codes, at, count)
            if scheme > 0 and at - scheme >= url:
                url = _end_of_url(codes, at, count)
                counts[_URLS] += url - (at - scheme)
        elif code == 0x23:
            counts[_HASHES] += 1
        elif code == 0x7B:
            counts[_BRACES] += 1
        elif code == 0x3C or code == 0x26:
            if at >= tag:
                tag = _end_of_tag(codes, at, count) if code == 0x3C else _end_of_entity(codes, at, count)
                counts[_MARKUP] += tag - at
        elif code == 0x951F:
            if at + 1 < count and codes[at + 1] == 0x65A4:  # 锟斤拷: U+FFFD in UTF-8 read as GBK
                counts[_MOJIBAKE] += 1
        elif code <= 0xF4:
            if at + 1 < count and kinds[at + 1] & CONTINUED != 0:
                counts[_MOJIBAKE] += 1
        elif code == 0x2026 and at + 1 < count and codes[at + 1] == 0x2026:
            continue
        else:
            counts[_ELLIPSES] += code == 0x2026
            if at + 1 == count or kinds[at + 1] & ENDING == 0:  # 。！？…
                counts[_SENTENCES] += 1


@kernel
def _end_of_run(codes: NDArray[np.uint32], at: int, count: int) -> int:
    end = at + 1
    while end < count and codes[end] == codes[at]:
        end += 1
    return end


@kernel
def _count_run(code: np.uint32, kind: np.uint16, length: int, run: int, counts: NDArray[np.int64]) -> None:
    """Add a run of equal characters: it may be an ellipsis (three dots of any width), or a run that is long."""
    if code == 0x2E or code == 0x3002 or code == 0xFF0E:
        counts[_ELLIPSES] += 1
    if length >= run and kind & SPACE == 0:
        counts[_RUNS] += length
        if kind & LETTER != 0:
            counts[_RUN_LETTERS] += length


@kernel
def _ends_www(codes: NDArray[np.uint32], at: int, count: int) -> bool:
    """Whether the dot there ends `www.`, and something comes after it."""
    return (
        at >= 3
        and at + 1 < count
        and codes[at - 1] | 0x20 == 0x77
        and codes[at - 2] | 0x20 == 0x77
        and codes[at - 3] | 0x20 == 0x77
        and 0x21 <= codes[at + 1] <= 0x7E
    )


@kernel
def _scheme(codes: NDArray[np.uint32], at: int, count: int) -> int:
    """Characters of `http` or `https` before the colon there, if `//` and something comes after it, else 0."""
    if at + 3 >= count or codes[at + 1] != 0x2F or codes[at + 2] != 0x2F or not 0x21 <= codes[at + 3] <= 0x7E:
        return 0
    size = 5 if at >= 5 and codes[at - 1] | 0x20 == 0x73 else 4
    begin = at - size
    if (
        begin >= 0
        and codes[begin] | 0x20 == 0x68
        and codes[begin + 1] | 0x20 == 0x74
        and codes[begin + 2] | 0x20 == 0x74
        and codes[begin + 3] | 0x20 == 0x70
    ):
        return size
    return 0


@kernel
def _end_of_url(codes: NDArray[np.uint32], at: int, count: int) -> int:
    while at < count and 0x21 <= codes[at] <= 0x7E:
        at += 1
    return at


@kernel
def _end_of_tag(codes: NDArray[np.uint32], at: int, count: int) -> int:
    """The place after the tag that begins at `<`, or `at`: a letter, `/` or `!` must follow, and `>` soon."""
    if at + 2 >= count:
        return at
    after = codes[at + 1]
    if not (0x61 <= after | 0x20 <= 0x7A or after == 0x2F or after == 0x21):
        return at
    for place in range(at + 2, min(count, at + _MOST_TAG)):
        if codes[place] == 0x3E:
            return place + 1
        if codes[place] == 0x3C:
            return at
    return at


@kernel
def _end_of_entity(codes: NDArray[np.uint32], at: int, count: int) -> int:
    """The place after the entity that begins at `&`, or `at`."""
    for place in range(at + 1, min(count, at + _MOST_ENTITY)):
        code = codes[place]
        if code == 0x3B:
            return place + 1 if place > at + 1 else at
        if not (0x61 <= code | 0x20 <= 0x7A or 0x30 <= code <= 0x39 or code == 0x23):
            return at
    return at


@kernel
def _ends_sentence(codes: NDArray[np.uint32], kinds: NDArray[np.uint16], at: int, count: int) -> bool:
    """Whether the `.`, `!` or `?` there ends a sentence: a space or a Han letter comes after it and what closes it."""
    place = at + 1
    while place < count and (codes[place] == 0x22 or codes[place] == 0x27 or codes[place] == 0x29 or codes[place] == 0x201D):
        place += 1
    return place == count or kinds[place] & (SPACE | ALONE) != 0

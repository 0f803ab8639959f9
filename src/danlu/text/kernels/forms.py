"""Canonical forms (`danlu.text.canonical`) of many texts at once, from their bytes to the forms' bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel

DROPPED = 0  # what `places` says of a character that is no part of a form
COPIED = -1  # of one that is its own form
CONTEXT = -2  # of one whose form depends on its neighbours: the text is left to Python


@kernel
def write_forms(
    data: NDArray[np.uint8],  # [bytes], UTF-8
    offsets: NDArray[np.int64],  # [texts + 1] into data
    ascii_forms: NDArray[np.uint8],  # [128], the form of each ASCII character, 0: none
    places: NDArray[np.int32],  # [code points]: a place in pool, or one of the constants above
    pool: NDArray[np.uint8],  # at each place the length of a form and its bytes
    out: NDArray[np.uint8],  # [offsets[-1] - offsets[0]], written
    ends: NDArray[np.int64],  # [texts], written: where each form ends in `out`
    left: NDArray[np.bool_],  # [texts], written: whether the text is left to Python (its form is then empty here)
) -> None:
    """The form of every text whose characters each have a form of their own and that has no entity.

    A form is never longer than its text here; one that would be is left to Python too, so `out` always suffices.
    """
    size = 0
    for text in range(len(ends)):
        begin, end, first = offsets[text], offsets[text + 1], size
        at, whole = begin, True
        while at < end:
            byte = data[at]
            if byte < 0x80:
                form = ascii_forms[byte]
                out[size] = form  # also if there is none: a branch that goes either way costs more than a byte too many
                size += form != 0
                if byte == 0x3C:  # <
                    at = _tag_end(data, at, end)
                elif byte == 0x26 and is_entity(data, at, end):
                    whole = False
                    break
                at += 1
                continue
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if at + width > end:
                whole = False
                break
            code = int(byte) & (0xFF >> (width + 1))
            for step in range(1, width):
                code = code << 6 | (int(data[at + step]) & 0x3F)
            place = places[code] if code < len(places) else DROPPED
            if place == COPIED:
                for step in range(width):
                    out[size + step] = data[at + step]
                size += width
            elif place > 0:
                count = int(pool[place])
                if size + count - first > at + width - begin:
                    whole = False
                    break
                for step in range(count):
                    out[size + step] = pool[place + 1 + step]
                size += count
            elif place == CONTEXT:
                whole = False
                break
            at += width
        if not whole:
            size = first
        left[text] = not whole
        ends[text] = size


@kernel
def is_letter(byte: np.uint8) -> bool:
    return bool(0x61 <= (byte | 0x20) <= 0x7A)


@kernel
def _tag_end(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the tag that begins at `at` (a `<`) ends, or `at` if none does: `<(!--|[!?/]?[A-Za-z])[^<>]*>`."""
    after = at + 1
    if after < end and (data[after] == 0x21 or data[after] == 0x3F or data[after] == 0x2F):
        after += 1
    comment = after + 1 < end and data[at + 1] == 0x21 and data[after] == 0x2D and data[after + 1] == 0x2D
    if after >= end or not (comment or is_letter(data[after])):
        return at
    while after < end and data[after] != 0x3C and data[after] != 0x3E:
        after += 1
    return after if after < end and data[after] == 0x3E else at


@kernel
def is_entity(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether what begins at `at` (a `&`) looks like an entity: letters, digits and # up to a semicolon."""
    for after in range(at + 1, min(end, at + 35)):
        byte = data[after]
        if byte == 0x3B:
            return after > at + 1
        if not (is_letter(byte) or 0x30 <= byte <= 0x39 or byte == 0x23):
            return False
    return False

"""Spaces of texts put right, and where: what `danlu.text.repair.repair_spaces` does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.asks import is_code
from danlu.text.kernels.plain import BLOCK, NOT_PLAIN, plain

NOTHING, ONE, BLANK_LINE = 0, 1, 2  # what a run of spaces becomes: "", " ", "\n\n"; its length


@kernel
def write_spaces(
    data: NDArray[np.uint8],  # [bytes], UTF-8
    offsets: NDArray[np.int64],  # [texts + 1] into data
    rows: NDArray[np.int64],  # [rows], the texts to put right
    out: NDArray[np.uint8],  # as many bytes as these texts have, written
    ends: NDArray[np.int64],  # [rows], written: where each text ends in `out`
    edits: NDArray[
        np.int32
    ],  # [4, as many as there are bytes], written: place in rows, start, end (characters), what it becomes
) -> int:
    """Returns how many edits there are."""
    size = count = 0
    for number in range(len(rows)):
        begin, end = offsets[rows[number]], offsets[rows[number] + 1]
        at = line = looked = begin
        characters = 0
        while at < end:
            byte = data[at]
            # No space begins with such a byte; and a lone space between ASCII letters stays.
            sure = (0x20 < byte < 0xC2) or (0xC2 < byte < 0xE1) or byte > 0xE3
            lone = byte == 0x20 and at > begin and at + 1 < end and 0x20 < data[at + 1] < 0x80
            if sure or lone or _space(data, at, end) == 0:
                if at >= looked and 0x20 < byte < 0x80:
                    start = at
                    while plain(data, at, end) != NOT_PLAIN:
                        for step in range(BLOCK):
                            out[np.uint64(size + step)] = data[np.uint64(at + step)]
                        size += BLOCK
                        at += BLOCK
                    looked = at + BLOCK  # up to there something is not plain: byte by byte
                    if at > start:
                        characters += at - start
                        continue
                characters += byte & 0xC0 != 0x80
                out[size] = byte
                size += 1
                at += 1
                continue
            # The whole run, and the last of its line breaks.
            start, first = at, characters
            breaks, last, last_character, odd, bent = 0, at, characters, False, False
            while at < end:
                width = _space(data, at, end)
                if width == 0:
                    break
                byte = data[at]
                if byte == 0x0A:
                    breaks += 1
                    last, last_character, bent = at, characters, False
                elif byte != 0x20 and byte != 0x09:
                    odd = bent = True
                at += width
                characters += 1
            if breaks > 0:
                line = last + 1
            if start == begin or at == end:
                count = _note(edits, count, number, first, characters, NOTHING)
                continue
            if breaks == 0:
                if (odd or characters - first > 1) and (odd or not is_code(data, line, end)):
                    count = _note(edits, count, number, first, characters, ONE)
                    out[size] = 0x20
                    size += 1
                else:
                    size = _copy(data, start, at, out, size)
                continue
            if breaks == 1:
                if last > start:
                    count = _note(edits, count, number, first, last_character, NOTHING)
                out[size] = 0x0A
                size += 1
            else:
                if last - start > 1:
                    count = _note(edits, count, number, first, last_character + 1, BLANK_LINE)
                out[size] = out[size + 1] = 0x0A
                size += 2
            # What follows the last break is indentation: kept where it is two or more ASCII spaces.
            if line < at:
                if at - line > 1 and not bent:
                    size = _copy(data, line, at, out, size)
                else:
                    count = _note(edits, count, number, last_character + 1, characters, NOTHING)
        ends[number] = size
    return count


@kernel
def _space(data: NDArray[np.uint8], at: int, end: int) -> int:
    """How many bytes the space at `at` has; 0 if it is none."""
    byte = data[at]
    if byte < 0x80:
        return 1 if byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F else 0
    if byte == 0xC2:
        return 2 if at + 1 < end and (data[at + 1] == 0xA0 or data[at + 1] == 0x85) else 0
    if at + 2 >= end:
        return 0
    second, third = data[at + 1], data[at + 2]
    if byte == 0xE2:  # U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
        if second == 0x80:
            return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0
        return 3 if second == 0x81 and third == 0x9F else 0
    if byte == 0xE3:  # U+3000
        return 3 if second == 0x80 and third == 0x80 else 0
    return 3 if byte == 0xE1 and second == 0x9A and third == 0x80 else 0  # U+1680


@kernel
def _copy(data: NDArray[np.uint8], begin: int, end: int, out: NDArray[np.uint8], size: int) -> int:
    for at in range(begin, end):
        out[size] = data[at]
        size += 1
    return size


@kernel
def _note(edits: NDArray[np.int32], count: int, number: int, start: int, end: int, after: int) -> int:
    edits[0, count], edits[1, count], edits[2, count], edits[3, count] = number, start, end, after
    return count + 1

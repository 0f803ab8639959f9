"""Which repairs each text may need, from one look at its bytes. It may ask in vain; it passes over no text to repair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.forms import is_entity, is_letter
from danlu.text.kernels.plain import BLOCK, NOT_PLAIN, WORDS, plain

# What is asked: the passes of `danlu.text.repair` in their order, and the line rules.
ENCODING, CONTROL, NFC, WIDTH, ENTITY, MARKUP, NEWLINE, SPACE, CHINESE, NOTICE, LONG = (1 << bit for bit in range(11))

# What a character is; the low bits are asked at once wherever it stands.
AT_ONCE = ENCODING | CONTROL | NFC | WIDTH | NEWLINE | SPACE | CHINESE
LEAD = 1 << 11  # of a pair that looks like UTF-8 read as Windows-1252
CONTINUED = 1 << 12
MARK = 1 << 13  # two in a row may stand in the wrong order
FOLDS = 1 << 14  # a letter outside ASCII that a pattern without case takes for one inside

HINTS = 1 << 15
STRIDE = 3  # places from a sign's beginning on at which its next four bytes have a hint


@kernel
def ask(
    data: NDArray[np.uint8],  # [bytes], UTF-8
    offsets: NDArray[np.int64],  # [texts + 1] into data
    kinds: NDArray[np.uint16],  # [code points]
    tags: NDArray[np.int64],  # names of HTML's tags, as `pack` gives them, sorted
    signs: NDArray[np.uint8],  # [signs, longest sign], what notices have in them in lower case, filled up with 0
    hints: NDArray[np.bool_],  # [HINTS], at the places of the signs' bytes
    notice: int,  # characters of the longest line that may be a notice; below 1: none is looked for
    longest: int,  # characters of the longest word that stays
    asks: NDArray[np.uint16],  # [texts], written
) -> None:
    for text in range(len(asks)):
        begin, end = offsets[text], offsets[text + 1]
        asked: int = 0
        at = looked = begin
        line = word = begin  # where the line and the word begin
        after_lead = after_mark = np.int64(-1)  # where the character after one ends up
        opened = folds = broken = False
        while at < end:
            byte = data[at]
            if byte >= 0x80:
                width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                if at + width > end:
                    asked |= ENCODING  # no UTF-8: Python says so
                    break
                code = int(byte) & (0xFF >> (width + 1))
                for step in range(1, width):
                    code = code << 6 | (int(data[at + step]) & 0x3F)
                kind = kinds[code] if code < len(kinds) else np.uint16(0)
                if kind != 0:
                    asked |= int(kind) & AT_ONCE
                    if kind & CONTINUED and after_lead == at:
                        asked |= ENCODING
                    if kind & LEAD:
                        after_lead = at + width
                    if kind & MARK:
                        if after_mark == at:
                            asked |= NFC
                        after_mark = at + width
                    folds = folds or kind & FOLDS != 0
                at += width
                if not (0xA1 <= code <= 0x2E7F or 0xA4D0 <= code <= 0xABFF):
                    if at - width - word > longest:
                        asked |= LONG
                    word = at
                continue
            if 0x21 <= byte <= 0x7E:
                if at >= looked:
                    # Plain text asks for nothing; only where its last word begins is needed.
                    start, spaced = at, False
                    while at + BLOCK - word <= longest:
                        found = plain(data, at, end)
                        if found == NOT_PLAIN:
                            break
                        at += BLOCK
                        if found == WORDS:
                            word, spaced = at - BLOCK, True
                    looked = at + BLOCK  # up to there something is not plain: byte by byte
                    if spaced:
                        word = at
                        while data[word - 1] != 0x20:
                            word -= 1
                    if at > start:
                        continue
                if byte == 0x3C:  # <
                    opened = opened or is_tag(data, at, end, tags)
                elif byte == 0x3E:  # >
                    if opened:
                        asked |= MARKUP
                elif byte == 0x26 and is_entity(data, at, end):
                    asked |= ENTITY
                at += 1
                continue
            if at - word > longest:
                asked |= LONG
            if byte == 0x0A:
                broken = True
                if at == begin or at + 1 == end or (at + 2 < end and data[at + 1] == 0x0A and data[at + 2] == 0x0A):
                    asked |= SPACE
                if asked & NOTICE == 0 and is_short(data, line, at, notice) and has_sign(data, line, at, signs, hints):
                    asked |= NOTICE
                at += 1
                line = at
            elif byte == 0x20 or byte == 0x09:
                start = at
                while at < end and (data[at] == 0x20 or data[at] == 0x09):
                    at += 1
                if start == begin or at == end or data[at] == 0x0A:
                    asked |= SPACE
                elif data[start - 1] == 0x0A:
                    if at - start == 1:
                        asked |= SPACE
                elif at - start > 1 and not is_code(data, line, end):
                    asked |= SPACE
            else:
                asked |= int(kinds[byte]) & AT_ONCE
                at += 1
            word = at
        if at - word > longest:
            asked |= LONG
        if broken and asked & NOTICE == 0 and is_short(data, line, end, notice) and has_sign(data, line, end, signs, hints):
            asked |= NOTICE
        if folds and notice > 0:
            asked |= NOTICE
        if not broken:
            asked &= ~(NOTICE | LONG)  # a text of one line is left alone
        asks[text] = asked


@kernel
def pack(packed: int, byte: int) -> int:
    """A name with one more letter or digit. Names of up to ten are told apart, whatever their case."""
    return (packed << 6 | (byte & 0x1F) | (byte & 0x40) >> 1) & 0xFFFFFFFFFFFFFFF


@kernel
def is_tag(data: NDArray[np.uint8], at: int, end: int, tags: NDArray[np.int64]) -> bool:
    """Whether what begins at `at` (a `<`) may be a tag, by its name; a comment or a declaration by its `!`."""
    at += 1
    if at < end and data[at] == 0x21:
        return True
    if at < end and data[at] == 0x2F:
        at += 1
    packed = 0
    while at < end and (is_letter(data[at]) or 0x30 <= data[at] <= 0x39):
        packed = pack(packed, int(data[at]))
        at += 1
    if at < end and data[at] >= 0x80:
        return True  # a letter that a pattern without case may take for one of a name
    place = np.searchsorted(tags, packed)
    return bool(place < len(tags) and tags[place] == packed)


@kernel
def is_code(data: NDArray[np.uint8], line: int, end: int) -> bool:
    """Whether the line that begins at `line` is indented by four or a tab, or begins with a Python prompt."""
    if line < end and data[line] == 0x09:
        return True
    if line + 4 > end:
        return False
    first, second, third, fourth = data[line], data[line + 1], data[line + 2], data[line + 3]
    same = first == second and second == third
    return bool(fourth == 0x20 and same and (first == 0x20 or first == 0x3E or first == 0x2E))


@kernel
def is_short(data: NDArray[np.uint8], begin: int, end: int, most: int) -> bool:
    """Whether there are at most so many characters without the spaces that repair takes from the ends of a line; never where
    `most` is below 1."""
    if most < 1 or end - begin <= most:
        return most >= 1
    count = -2
    before = np.uint8(0)
    for at in range(begin, end):
        byte = data[at]
        count += byte & 0xC0 != 0x80 and not (byte == 0x20 and before == 0x20)
        before = byte
        if count > most:
            return False
    return True


@kernel
def hint_place(window: int) -> int:
    """Where four bytes have their hint, below `HINTS`: the same for both cases of a letter."""
    return (((window | 0x20202020) * 0x9E3779B1) & 0xFFFFFFFF) >> 17


@kernel
def has_sign(data: NDArray[np.uint8], begin: int, end: int, signs: NDArray[np.uint8], hints: NDArray[np.bool_]) -> bool:
    """Whether one of the signs is in bytes `begin` to `end`. Of each `STRIDE` places one is looked at, where four bytes of a
    sign would be that have a hint."""
    for at in range(begin + STRIDE - 1, end - 3, STRIDE):
        window = int(data[at]) << 24 | int(data[at + 1]) << 16 | int(data[at + 2]) << 8 | int(data[at + 3])
        if hints[hint_place(window)]:
            for first in range(at - STRIDE + 1, at + 1):
                if _is_sign(data, first, end, signs):
                    return True
    return False


@kernel
def _is_sign(data: NDArray[np.uint8], begin: int, end: int, signs: NDArray[np.uint8]) -> bool:
    """Whether a sign begins at `begin`."""
    for sign in range(len(signs)):
        found = True
        for step in range(signs.shape[1]):
            wanted = signs[sign, step]
            if wanted == 0:
                break
            if begin + step >= end:
                found = False
                break
            byte = data[begin + step]
            if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != wanted:
                found = False
                break
        if found:
            return True
    return False

"""What each character is, as a table that NumPy looks code points up in."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from danlu.text.kernels.kinds import ALONE as ALONE
from danlu.text.kernels.kinds import BROKEN as BROKEN
from danlu.text.kernels.kinds import CONTINUED as CONTINUED
from danlu.text.kernels.kinds import CYRILLIC as CYRILLIC
from danlu.text.kernels.kinds import DIGIT as DIGIT
from danlu.text.kernels.kinds import ENDING as ENDING
from danlu.text.kernels.kinds import HAN as HAN
from danlu.text.kernels.kinds import HANGUL as HANGUL
from danlu.text.kernels.kinds import INVISIBLE as INVISIBLE
from danlu.text.kernels.kinds import KANA as KANA
from danlu.text.kernels.kinds import LATIN as LATIN
from danlu.text.kernels.kinds import LETTER as LETTER
from danlu.text.kernels.kinds import MARK as MARK
from danlu.text.kernels.kinds import NEWLINE as NEWLINE
from danlu.text.kernels.kinds import SIGN as SIGN
from danlu.text.kernels.kinds import SPACE as SPACE
from danlu.text.kernels.kinds import TABLE_SIZE as TABLE_SIZE
from danlu.text.kernels.kinds import UPPER as UPPER

_ENDINGS = ".!?…。！？｡．؟۔।॥\"'”’」』）)》】]"
_HAN_RANGES = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400), (0x3005, 0x3008))
_ALONE_RANGES = ((0x3041, 0x3100), (0x31F0, 0x3200), (0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0xFF66, 0xFFA0))
_LATIN_RANGES = ((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250), (0x1E00, 0x1F00))
_KANA_RANGES = ((0x3041, 0x3100), (0x31F0, 0x3200), (0xFF66, 0xFFA0))
_HANGUL_RANGES = ((0x1100, 0x1200), (0x3131, 0x318F), (0xAC00, 0xD7A4))
_CYRILLIC_RANGES = ((0x400, 0x530),)
_WINDOWS_1252 = "\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2026\u2030\u2039\u203a\u20ac\u2122"
_SIGNS = ".!?:#{<&锟。！？…"
_LEAD_RANGE = (0xC2, 0xF5)  # what the first byte of a character looks like where UTF-8 was read so
_CONTINUED_RANGES = ((0x80, 0xC0), (0x2013, 0x2023), *((ord(sign), ord(sign) + 1) for sign in _WINDOWS_1252))


@cache
def kinds_table() -> NDArray[np.uint16]:
    """Flags of each code point below `TABLE_SIZE`, uint16[TABLE_SIZE]."""
    table = np.zeros(TABLE_SIZE, np.uint16)
    for code in range(0x20000):
        character = chr(code)
        category = unicodedata.category(character)
        if character.isspace():
            table[code] = SPACE
        elif category[0] in "LM":
            table[code] = LETTER | (UPPER if category == "Lu" else 0)
        elif category[0] == "N":
            table[code] = DIGIT
        elif category in ("Cc", "Co", "Cn", "Cs"):
            table[code] = BROKEN
        elif category[0] in "PS":
            table[code] = MARK
        elif category == "Cf":
            table[code] = INVISIBLE
    table[0x20000:0x32400] = LETTER
    table[0x32400:] = BROKEN
    table[0xFFFD] = BROKEN
    for ranges, flag in (
        (_HAN_RANGES, HAN | ALONE | LETTER), (_ALONE_RANGES, ALONE), (_LATIN_RANGES, LATIN), (_KANA_RANGES, KANA),
        (_HANGUL_RANGES, HANGUL), (_CYRILLIC_RANGES, CYRILLIC),
    ):  # fmt: skip
        for start, end in ranges:
            letters = table[start:end] & LETTER != 0 if flag != HAN | ALONE | LETTER else np.ones(end - start, bool)
            table[start:end][letters] |= flag
    for character in _ENDINGS:
        table[ord(character)] |= ENDING
    for start, end in _CONTINUED_RANGES:
        table[start:end] |= CONTINUED
    table[slice(*_LEAD_RANGE)] |= SIGN
    for character in _SIGNS:
        table[ord(character)] |= SIGN
    return table


@cache
def lower_table() -> NDArray[np.uint32]:
    """The lower case of each code point below `TABLE_SIZE` where it is one character, uint32[TABLE_SIZE]."""
    table = np.arange(TABLE_SIZE, dtype=np.uint32)
    for code in range(0x20000):
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    return table


def code_points(text: str) -> NDArray[np.uint32]:
    """Code points of `text`, uint32[len(text)]; those beyond the tables are cut to the last entry."""
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return np.minimum(np.frombuffer(text.encode(order, "surrogatepass"), np.uint32), TABLE_SIZE - 1)

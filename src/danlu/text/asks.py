"""What each text may need, asked of many texts at once: the pre-filter of `danlu.text.repair` and of line rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.text import repair
from danlu.text.encoding import CONTINUED_SIGN, LEAD_SIGN
from danlu.text.forms import TABLE_SIZE, composing
from danlu.text.kernels import asks as kernels
from danlu.text.kernels.asks import CHINESE, CONTROL, ENCODING, ENTITY, LONG, MARKUP, NEWLINE, NFC, NOTICE, SPACE, WIDTH
from danlu.text.markup import TAG_NAMES

Asks = NDArray[np.uint16]

NAMES = {
    "encoding": ENCODING, "control": CONTROL, "nfc": NFC, "width": WIDTH, "entity": ENTITY, "markup": MARKUP,
    "newline": NEWLINE, "space": SPACE, "chinese": CHINESE, "boilerplate_line": NOTICE, "long_word_line": LONG,
}  # fmt: skip
LINES = NOTICE | LONG

_BLOCK = 256
_NEVER = 1 << 40


class Look(NamedTuple):
    """What to look for, as `kernels.asks` reads it."""

    kinds: NDArray[np.uint16]
    tags: NDArray[np.int64]
    signs: NDArray[np.uint8]
    hints: NDArray[np.bool_]
    notice: int
    longest: int


def look_for(
    signs: Sequence[str] = (),
    notice: float = 0,
    longest: float | None = None,
    *,
    wide: re.Pattern[str] = repair.WIDE,
    han: bool = False,
) -> Look:
    """Look for every repair, for lines of up to `notice` characters with one of the signs, and for words over `longest`.

    A sign is in lower case and has at least six bytes. `wide`: what asks for another width. `han`: any Han asks for a
    conversion of Chinese.
    """
    kinds = _kinds(wide, han)
    coded = [sign.encode() for sign in signs] if notice else []
    table = np.zeros((len(coded), max(map(len, coded), default=0)), np.uint8)
    hints = np.zeros(kernels.HINTS, bool)
    for row, sign in enumerate(coded):
        table[row, : len(sign)] = np.frombuffer(sign, np.uint8)
        for place in range(kernels.STRIDE):
            hints[kernels.hint_place(int.from_bytes(sign[place : place + 4], "big"))] = True
    return Look(kinds, _tags(), table, hints, int(notice), _NEVER if longest is None else int(longest))


def ask(data: NDArray[np.uint8], offsets: NDArray[np.int64], look: Look) -> Asks:
    """The passes and line rules that could change each text: no other can. uint16[texts] of bits (`NAMES`)."""
    asks = np.empty(len(offsets) - 1, np.uint16)
    kernels.ask(data, offsets, *look, asks)
    return asks


@cache
def _tags() -> NDArray[np.int64]:
    return np.array(sorted({reduce(kernels.pack, name.encode(), 0) for name in TAG_NAMES}), np.int64)


@cache
def _kinds(wide: re.Pattern[str], han: bool) -> NDArray[np.uint16]:
    """What each character asks for, taken from the patterns of the passes themselves."""
    kinds = np.zeros(TABLE_SIZE, np.uint16)
    every = "".join(map(chr, range(TABLE_SIZE)))
    patterns = [
        (repair.CONTROL, CONTROL),
        (repair.NEWLINE, NEWLINE),
        (repair.ODD_SPACE, SPACE),
        (wide, WIDTH),
        (LEAD_SIGN, kernels.LEAD),
        (CONTINUED_SIGN, kernels.CONTINUED),
    ]
    if han:
        patterns.append((repair.HAN, CHINESE))
    for pattern, kind in patterns:
        for found in pattern.finditer(every):
            kinds[found.start() : found.end()] |= kind
    kinds[0x80:0xA0] |= ENCODING
    for block in range(0, TABLE_SIZE, _BLOCK):
        for code in range(block, block + _BLOCK):
            character = every[code]
            if unicodedata.combining(character):
                kinds[code] |= kernels.MARK
        if not unicodedata.is_normalized("NFC", every[block : block + _BLOCK]):
            for code in range(block, block + _BLOCK):
                if not unicodedata.is_normalized("NFC", every[code]):
                    kinds[code] |= NFC
    for character in composing():
        kinds[ord(character)] |= NFC
    for character in "İıſ\u212a":
        kinds[ord(character)] |= kernels.FOLDS
    kinds[0x09] = kinds[0x0A] = kinds[0x20] = 0
    return kinds

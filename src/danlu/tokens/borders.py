"""Borders within runs of Chinese characters that no token reaches across.

danlu's pre-tokenisers keep such a run in one piece, mostly a clause, so an encoder that remembers pieces seldom meets one
again. Cut at these borders it is words, which come again and again. The ids are the same: BPE joins tokens only to what is a
token too, so where none reaches across a border, nothing on one side of it changes the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from danlu.tokens.files import unusual
from danlu.tokens.kernels.borders import FIRST, LAST, SLOTS, leave_out, mark_borders, slot
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.pretokenizer import layout, splits
from danlu.tokens.texts import Texts

MARK = 1  # a control character, which texts hardly have; between two runs it is a piece and a token of its own
MOST_JOINED = 0.5


@dataclass(frozen=True)
class Borders:
    """`joined`: whether a token may reach across two characters, a bit for each hash of two (`is_joined`), so at times a border
    is missed and none is invented; `mark`: the token of `MARK`."""

    joined: npt.NDArray[np.uint8]
    mark: int

    @classmethod
    def of(cls, plain: str) -> Borders | None:
        """Of a `tokenizer.json`; None where it is not BPE over bytes with danlu's pre-tokeniser, and where it would not pay: in
        vocabularies from little text many tokens hold parts of characters, and reach across wherever a character ends so."""
        content = json.loads(plain)
        ours = content["model"]["type"] == "BPE" and content.get("pre_tokenizer") == layout(splits())
        if not ours or content.get("normalizer") or unusual(content["model"]):
            return None  # with `ignore_merges` a whole run may be a token that no merge leads to
        pieces = bytes_of_tokens(content)
        if bytes([MARK]) not in pieces:
            return None
        joined, seen = np.zeros(SLOTS, np.bool_), set[tuple[bytes, bytes]]()
        for piece in pieces:
            characters = split_characters(piece)
            seen.update(pairwise(characters))
        for before, after in seen:
            joined[slot(ending(before)[:, None], beginning(after)[None])] = True
        if joined.mean() >= MOST_JOINED:
            return None
        return cls(np.packbits(joined, bitorder="little"), pieces.index(bytes([MARK])))

    def marked(self, texts: Texts) -> tuple[Texts, npt.NDArray[np.int64]]:
        """The texts with a mark at each border, and how many marks each has. Where a text has the mark itself, all stay as they
        are."""
        size = len(texts.data)
        marked = Texts(np.empty(size + size // 3 + 1, np.uint8), np.empty_like(texts.starts))
        if not mark_borders(*texts, self.joined, MARK, *marked):
            return texts, np.zeros(len(texts.starts) - 1, np.int64)
        return Texts(marked.data[: marked.starts[-1]], marked.starts), np.diff(marked.starts - texts.starts)

    def without_marks(
        self, tokens: npt.NDArray[np.uint32], lengths: npt.NDArray[np.int64], marks: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Tokens of marked texts, which are written over, less those of the marks; and how many each text has."""
        return (tokens[: leave_out(tokens, self.mark)], lengths - marks) if np.any(marks) else (tokens, lengths)


def split_characters(piece: bytes) -> list[bytes]:
    """A token by characters; the first may lack its beginning, the last its end."""
    first = [place for place, byte in enumerate(piece) if byte & 0xC0 != 0x80 or not place]
    return [piece[start:stop] for start, stop in zip(first, [*first[1:], len(piece)], strict=True)]


CHARACTERS = np.array([int.from_bytes(chr(code).encode()) for code in range(0x4E00, 0x9FA6)], np.int64)


@cache
def ending(part: bytes) -> npt.NDArray[np.int64]:
    """The characters that end so."""
    if len(part) >= 3:
        return whole(part)
    found: npt.NDArray[np.int64] = CHARACTERS[CHARACTERS % (1 << 8 * len(part)) == int.from_bytes(part)]
    return found


@cache
def beginning(part: bytes) -> npt.NDArray[np.int64]:
    """The characters that begin so."""
    if len(part) >= 3:
        return whole(part)
    found: npt.NDArray[np.int64] = CHARACTERS[CHARACTERS >> 24 - 8 * len(part) == int.from_bytes(part)]
    return found


def whole(part: bytes) -> npt.NDArray[np.int64]:
    """The character that it is, if it is one."""
    code = int.from_bytes(part)
    return np.array([code] if FIRST <= code <= LAST else [], np.int64)

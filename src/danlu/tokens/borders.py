"""Borders within runs of Chinese characters that no token reaches across.

danlu's pre-tokenisers keep such a run in one piece, mostly a clause, so an encoder that remembers pieces seldom meets one
again. Cut at these borders it is words, which come again and again. The ids are the same: BPE joins tokens only to what is a
token too, so where none reaches across a border, nothing on one side of it changes the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.tokens.files import unusual
from danlu.tokens.pieces import bytes_of_tokens
from danlu.tokens.pretokenizer import layout, splits

MARK = 1  # a control character, which texts hardly have; between two runs it is a piece and a token of its own
FIRST, LAST = 0xE4B880, 0xE9BEA5  # U+4E00 and U+9FA5 in UTF-8: of the pattern's characters these are cut between
MOST_JOINED = 0.5
SLOTS = 1 << 20  # a megabyte, which stays in the cache


class Texts(NamedTuple):
    """UTF-8 of texts one after the other, uint8 [bytes]; `starts` [texts + 1]: where each begins, and the end."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
        return cls(np.frombuffer(b"".join(texts), np.uint8), starts)

    @classmethod
    def of_column(cls, texts: pa.Array) -> Texts:
        """The texts of a column where they lie in memory."""
        _, offsets, data = texts.buffers()
        width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
        starts = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
        whole = np.frombuffer(data or b"", np.uint8)
        return cls(whole[starts[0] : starts[-1]], starts - starts[0])


@dataclass(frozen=True)
class Borders:
    """`joined` [slots]: whether a token may reach across two characters, by a hash of them, so at times a border is missed and
    none is invented; `mark`: the token of `MARK`."""

    joined: npt.NDArray[np.bool_]
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
            joined[slots(ending(before)[:, None], beginning(after)[None])] = True
        return cls(joined, pieces.index(bytes([MARK]))) if joined.mean() < MOST_JOINED else None

    def marked(self, texts: Texts) -> tuple[Texts, npt.NDArray[np.int64]]:
        """The texts with a mark at each border, and how many marks each has. Where a text has the mark itself, all stay as they
        are."""
        data, starts = texts
        nothing = np.zeros(len(starts) - 1, np.int64)
        places = np.flatnonzero(data - np.uint8(FIRST >> 16) <= (LAST >> 16) - (FIRST >> 16))  # where three bytes begin
        codes: npt.NDArray[np.uint32] = data.take(places).astype(np.uint32) << np.uint32(16)
        codes |= data[1:].take(places).astype(np.uint32) << 8
        codes |= data[2:].take(places)
        chinese = (codes >= FIRST) & (codes <= LAST)
        near = places[1:] - places[:-1] == 3
        near &= chinese[1:] & chinese[:-1]
        near &= ~self.joined[slots(codes[:-1], codes[1:])]
        borders = places[1:][near]
        if not len(borders) or (data == MARK).any():
            return texts, nothing
        marks = borders + np.arange(len(borders))
        is_text = np.ones(len(data) + len(borders), np.bool_)
        is_text[marks] = False
        found = np.full(len(is_text), MARK, np.uint8)
        found[is_text] = data
        before = np.searchsorted(borders, starts)
        return Texts(found, starts + before), np.diff(before)


def slots(before: npt.NDArray[np.uint32], after: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Places of pairs of characters in the table."""
    return (before * np.uint32(0x9E3779B1) >> np.uint32(12)) ^ (after & np.uint32(SLOTS - 1))


def split_characters(piece: bytes) -> list[bytes]:
    """A token by characters; the first may lack its beginning, the last its end."""
    first = [place for place, byte in enumerate(piece) if byte & 0xC0 != 0x80 or not place]
    return [piece[start:stop] for start, stop in zip(first, [*first[1:], len(piece)], strict=True)]


CHARACTERS = np.array([int.from_bytes(chr(code).encode()) for code in range(0x4E00, 0x9FA6)], np.uint32)


def ending(part: bytes) -> npt.NDArray[np.uint32]:
    """The characters that end so."""
    found: npt.NDArray[np.uint32] = CHARACTERS[CHARACTERS % (1 << 8 * len(part)) == int.from_bytes(part)]
    return found if len(part) <= 3 else CHARACTERS[:0]


def beginning(part: bytes) -> npt.NDArray[np.uint32]:
    """The characters that begin so."""
    found: npt.NDArray[np.uint32] = CHARACTERS[CHARACTERS >> max(0, 24 - 8 * len(part)) == int.from_bytes(part)]
    return found if len(part) <= 3 else CHARACTERS[:0]

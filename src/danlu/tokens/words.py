"""Where words begin among tokens: of scripts with spaces told by the tokens, of Chinese by a segmenter that reads the text.

A word here is a run of tokens that is never parted: what a masked model must not see half of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.text.characters import ALONE, DIGIT, HAN, LETTER, code_points, kinds_table
from danlu.tokens.special import SPECIAL

Bools = npt.NDArray[np.bool_]
Cut = Callable[[str], list[str]]
"""Cuts a text into words; joined they are the text."""

_OTHER, _LETTER, _DIGIT, _INNER = range(4)
_JOINS = np.zeros((4, 4), bool)  # [what a token ends in, what the next one begins with]
_JOINS[:, _INNER] = True
_JOINS[_LETTER, _LETTER] = _JOINS[_DIGIT, _DIGIT] = True
_JOINS[_INNER, _LETTER] = True  # the end of a character in parts: a letter more often than not


@dataclass(frozen=True)
class WordTable:
    """What each token of a byte vocabulary begins with and ends in: a letter, a digit, the inside of a character, others."""

    heads: npt.NDArray[np.uint8]
    tails: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, pieces: Sequence[bytes]) -> WordTable:
        """`pieces` are the bytes of each id; special tokens are words by themselves."""
        kinds = [(_OTHER, _OTHER) if place < len(SPECIAL) else (_head(one), _tail(one)) for place, one in enumerate(pieces)]
        heads, tails = np.array(kinds, np.uint8).reshape(-1, 2).T
        return cls(np.ascontiguousarray(heads), np.ascontiguousarray(tails))

    def starts(self, ids: npt.NDArray[np.integer]) -> Bools:
        """Whether each token of `ids` [..., length] begins a word.

        A letter goes on after a letter (a space before it is part of the token), a digit after a digit, a part of a character
        after its other parts. In scripts without spaces, and of punctuation, each token is a word.
        """
        found = np.ones(ids.shape, bool)
        found[..., 1:] = ~_JOINS[self.tails[ids[..., :-1]], self.heads[ids[..., 1:]]]
        return found


def segmented_starts(
    texts: Sequence[str],
    tokens: npt.NDArray[np.integer],
    lengths: npt.NDArray[np.integer],
    sizes: npt.NDArray[np.int64],
    cut: Cut,
) -> Bools:
    """Whether each token begins where `cut` begins a word, [sum of lengths]; texts without Chinese are not cut: all begin one.

    `sizes` [vocabulary] are the bytes of each token: together those of a text are the text. A token that reaches over the end
    of a word makes one of both.
    """
    found = np.ones(len(tokens), bool)
    stops = np.cumsum(lengths)
    for text, start, stop in zip(texts, (stops - lengths).tolist(), stops.tolist(), strict=True):
        points = code_points(text)
        if (kinds_table()[points] & HAN).any():
            offsets = np.zeros(len(points) + 1, np.int64)  # bytes before each character
            np.cumsum(1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000), out=offsets[1:])
            words = cut(text)
            begins = np.zeros(int(offsets[-1]) + 1, bool)
            begins[0] = True
            begins[offsets[np.cumsum(np.fromiter(map(len, words), np.int64, len(words)))]] = True
            those = sizes[tokens[start:stop]]
            found[start:stop] = begins[np.cumsum(those) - those]
    return found


def _head(piece: bytes) -> int:
    if not piece:
        return _OTHER
    text = piece.decode("utf-8", "surrogateescape")
    if not _is_part(text[0]):
        return _kind(text[0])
    byte = ord(text[0]) - 0xDC00
    if byte < 0xC0:
        return _INNER
    # the first byte of a character in parts; of most alphabets, Hangul among them, or of Han, kana, punctuation and emoji
    return _LETTER if 0xC3 <= byte <= 0xDF or byte in (0xE0, 0xE1) or 0xEA <= byte <= 0xED else _OTHER


def _tail(piece: bytes) -> int:
    last = piece.decode("utf-8", "surrogateescape")[-1:]
    return _INNER if last and _is_part(last) else _kind(last)


def _is_part(character: str) -> bool:
    """Whether `surrogateescape` stands for a byte that is no character."""
    return 0xDC80 <= ord(character) <= 0xDCFF


def _kind(character: str) -> int:
    """Of a character; none is other, and so are the letters of scripts without spaces: each is a word."""
    flags = int(np.bitwise_or.reduce(kinds_table()[code_points(character)]))
    if flags & LETTER and not flags & ALONE:
        return _LETTER
    return _DIGIT if flags & DIGIT else _OTHER

"""Many texts at once as arrays: their characters, words and lines. What all measures are computed from.

A word is a run of letters and digits, apostrophes between letters included; in scripts that put no space between words
(Han, kana, Thai) each letter is a word. A line is what stands between line breaks and holds more than spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import ALONE, DIGIT, LETTER, NEWLINE, SPACE, code_points, kinds_table, lower_table

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that powers of it never vanish modulo 2**64


@dataclass(frozen=True)
class Spans:
    """Words or lines: offsets into the batch's characters and the text each belongs to, int64[number of spans]."""

    starts: Integers
    ends: Integers
    texts: Integers

    @property
    def lengths(self) -> Integers:
        return self.ends - self.starts


@dataclass(frozen=True)
class Batch:
    """Texts one after another, each followed by a line break, so that no word or line reaches over an end."""

    joined: str
    codes: NDArray[np.uint32]  # [characters]
    kinds: NDArray[np.uint16]  # [characters]
    starts: Integers  # [texts + 1], the first character of each text, and the end
    words: Spans
    hashes: Hashes  # [words], of the word in lower case
    lines: Spans
    word_characters: NDArray[np.float64]  # [texts], characters inside words

    @property
    def size(self) -> int:
        return len(self.starts) - 1


def make_batch(texts: Sequence[str]) -> Batch:
    """Characters, words and lines of `texts`."""
    joined = "".join(f"{text}\n" for text in texts)
    codes = code_points(joined)
    kinds = kinds_table()[codes]
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) + 1 for text in texts], out=starts[1:])
    words = _words(codes, kinds, starts)
    word_characters = np.bincount(words.texts, words.lengths, len(texts)).astype(np.float64)
    return Batch(joined, codes, kinds, starts, words, _hashes(codes, words), _lines(codes, kinds, starts), word_characters)


def mix(values: NDArray[np.uint64]) -> Hashes:
    """A bijection of 64-bit integers that leaves no pattern (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_words(words: Sequence[str]) -> Hashes:
    """The hashes that a batch gives these words, uint64[len(words)]."""
    return make_batch([" ".join(words)]).hashes


def _words(codes: NDArray[np.uint32], kinds: NDArray[np.uint16], starts: Integers) -> Spans:
    inside = kinds & (LETTER | DIGIT) != 0
    if len(codes) > 2:
        apostrophe = (codes == ord("'")) | (codes == 0x2019)
        letter = kinds & (LETTER | ALONE) == LETTER
        inside[1:-1] |= apostrophe[1:-1] & letter[:-2] & letter[2:]
    alone = kinds & ALONE != 0
    joins = np.zeros(len(codes) + 1, bool)  # whether the character before and this one are of one word
    joins[1:-1] = inside[1:] & inside[:-1] & ~alone[1:] & ~alone[:-1]
    first = np.flatnonzero(inside & ~joins[:-1])
    last = np.flatnonzero(inside & ~joins[1:])
    return Spans(first, last + 1, np.searchsorted(starts, first, "right") - 1)


def _hashes(codes: NDArray[np.uint32], words: Spans) -> Hashes:
    """Polynomial hashes of the words in lower case: sum over characters of mix(character) * factor**offset."""
    if not len(words.starts):
        return np.zeros(0, np.uint64)
    lengths = words.lengths
    firsts = np.zeros(len(lengths), np.int64)
    np.cumsum(lengths[:-1], out=firsts[1:])
    offsets = np.arange(int(lengths.sum())) - np.repeat(firsts, lengths)
    powers = np.cumprod(np.full(int(lengths.max()), _FACTOR, np.uint64))
    values = mix(lower_table()[codes[np.repeat(words.starts, lengths) + offsets]].astype(np.uint64) + _FACTOR)
    return np.add.reduceat(values * powers[offsets], firsts)


def _lines(codes: NDArray[np.uint32], kinds: NDArray[np.uint16], starts: Integers) -> Spans:
    """Lines that hold more than spaces, without the spaces at their ends."""
    ends = np.flatnonzero(codes == NEWLINE)
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1)) if len(ends) else ends
    filled = np.flatnonzero(kinds & SPACE == 0)
    low, high = np.searchsorted(filled, begins), np.searchsorted(filled, ends)
    keep = high > low
    first = filled[low[keep]]
    return Spans(first, filled[high[keep] - 1] + 1, np.searchsorted(starts, first, "right") - 1)

"""MinHash of texts in Arrow's memory, and the sets of shingles that a verdict on two texts rests on.

A shingle is five words of a script with spaces or eight letters of one without (a Chinese word has 1.6 characters, so that
is five words too), or what of a mixture weighs as much. Shorter ones are common phrases, longer ones break at every change:
one changed word costs a text of 100 words five to six per cent of its shingles, in either language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.text.buffers import text_buffers
from danlu.text.characters import kinds_table, lower_table
from danlu.text.kernels.minhash import shingle_sets, sign

SEED = 20201030
"""Of the permutations: they are the same everywhere, so that signatures made apart can be compared."""


@dataclass(frozen=True)
class Scheme:
    """How texts are signed: words and lone letters of a shingle; bands of rows of a signature."""

    words: int = 5
    letters: int = 8
    bands: int = 20
    rows: int = 5

    @property
    def permutations(self) -> int:
        return self.bands * self.rows

    def probability(self, similarity: float) -> float:
        """That two texts of this Jaccard similarity share a band."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


class Signatures(NamedTuple):
    """Of each text: its minima, the hashes of its bands, the 128-bit hash of its words, and how many shingles it has."""

    minima: NDArray[np.uint32]  # [texts, permutations]
    bands: NDArray[np.uint64]  # [texts, bands]
    whole: NDArray[np.uint64]  # [texts, 2]
    shingles: NDArray[np.int64]  # [texts], copies included; 0 where a text has no words


def permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Odd factors and addends of `count` permutations of 32-bit integers; the first are the same for any count."""
    drawn = np.random.Generator(np.random.Philox(SEED)).integers(0, 1 << 32, (count, 2), np.uint32)
    return drawn[:, 0] | np.uint32(1), drawn[:, 1].copy()


def sign_texts(texts: Any, scheme: Scheme) -> Signatures:
    """The signatures of an Arrow array or column of strings."""
    data, offsets = text_buffers(texts)
    size = len(offsets) - 1
    made = Signatures(
        np.empty((size, scheme.permutations), np.uint32), np.empty((size, scheme.bands), np.uint64),
        np.empty((size, 2), np.uint64), np.empty(size, np.int64),
    )  # fmt: skip
    factors, addends = permutations(scheme.permutations)
    shape = (scheme.words, scheme.letters)
    sign(
        data, offsets, kinds_table(), lower_table(), shape, factors, addends, scheme.rows, made.minima, made.bands,
        made.whole, made.shingles,
    )  # fmt: skip
    return made


def sets_of(texts: Any, rows: NDArray[np.int64], places: int, scheme: Scheme) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct shingles of the texts `rows`, sorted, and how many each has, int64[rows].

    `places` is how many shingles they have, copies included.
    """
    data, offsets = text_buffers(texts)
    sets, firsts = np.empty(places, np.uint64), np.empty(len(rows) + 1, np.int64)
    shingle_sets(data, offsets, rows, kinds_table(), lower_table(), (scheme.words, scheme.letters), sets, firsts)
    return sets[: firsts[-1]], np.diff(firsts)

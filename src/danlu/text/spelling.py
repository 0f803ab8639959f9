"""How much of a text is spelled wrong.

English: by a dictionary with frequencies, that of the package symspellpy (82,765 words, those of SCOWL that Google's books
have; MIT licence), read as a file; its spelling is British, and the American forms are made from it. A word is misspelled if
the dictionary does not have it and one letter more, less or other, or two swapped, make a frequent word of it: so a word that
is merely unknown is none. Only words in small letters are judged that stand as words of prose do: names, acronyms, code,
addresses, numbers and contractions never are.

Chinese: by the pairs of characters of a language model. A character is out of place if it and its two neighbours come together
less often than they would by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danlu.text.characters import kinds_table
from danlu.text.kernels.spelling import add_keys, count_misplaced, count_misspelled
from danlu.text.ngrams import NgramModel, fold_table, frozen, tokens_of

FREQUENT = 200_000  # in the counts of the dictionary: half of its words
AMERICAN = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ("our", "or"), ("([iy])s", r"\1z"), ("re(s?)$", r"er\1"), ("ence", "ense"), ("ogue", "og"), ("l(ments?|ful)$", r"ll\1"),
        ("ae|oe", "e"), (r"(?<=\w{3})ll(?=(ed|ing|ers?|or|ous)$)", "l"), ("ey$", "y"), ("mould", "mold"), ("plough", "plow"),
    )
]  # fmt: skip


class Dictionary(NamedTuple):
    """Sets of hashes of words, as `kernels.spelling` asks them."""

    known: NDArray[np.uint64]
    common: NDArray[np.uint64]


def read_dictionary(path: Path) -> Dictionary:
    """A dictionary of lines `word count`. Of a contraction the part before the apostrophe is known too ("didn 't")."""
    pairs = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    words = {pair[0].lower().partition("'")[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    known = {*words, *(form for word in words for form in american(word))}
    return Dictionary(_set(sorted(known)), _set([word for word, count in words.items() if count >= FREQUENT]))


def american(word: str) -> Iterator[str]:
    """How a British word may be spelled in American."""
    for pattern, replacement in AMERICAN:
        changed = pattern.sub(replacement, word)
        if changed != word:
            yield changed


def _set(words: list[str]) -> NDArray[np.uint64]:
    hashes = tokens_of(np.frombuffer("\n".join(words).encode(), np.uint8))[0][1::2]
    table = np.zeros(1 << (2 * len(words)).bit_length(), np.uint64)
    add_keys(hashes, table)
    return table


def misspelled(
    dictionary: Dictionary,
    model: NgramModel | None,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    wanted: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Misspelled words a word, float64[texts]; NaN where not wanted or without words. Words of the model count as known."""
    slots, begins = (model.slots, model.begins) if model else (np.zeros(1, np.uint64), np.zeros(2, np.int64))
    return _share(count_misspelled, data, offsets, wanted, *dictionary, slots, begins)


def misplaced(
    model: NgramModel, data: NDArray[np.uint8], offsets: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Characters out of place a Han character, float64[texts]; NaN where not wanted or without any."""
    return _share(count_misplaced, data, offsets, wanted, model.slots, model.begins)


def _share(
    count: Callable[..., None],
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    *arrays: NDArray[Any],
) -> NDArray[np.float64]:
    counts = np.zeros((len(offsets) - 1, 2), np.int64)
    given: tuple[NDArray[Any], ...] = (data, offsets, wanted, kinds_table(), fold_table(), *arrays)
    count(*map(frozen, given), counts)
    return np.where(wanted & (counts[:, 0] > 0), counts[:, 1] / np.maximum(counts[:, 0], 1), np.nan)

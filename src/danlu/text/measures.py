"""Measures of texts, computed for many texts at once: what the rules of `clean` put thresholds on.

Definitions follow Gopher (Rae et al. 2021, tables A1 and the quality rules), C4 and FineWeb, where they differ among
implementations as written beside each. All shares are between 0 and 1; a text without words, lines or letters has the
value that no rule objects to. The counting is done by one kernel (`danlu.text.kernels.measure`), the dividing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.text.buffers import string_buffers, word_hashes
from danlu.text.characters import (
    BROKEN,
    CYRILLIC,
    DIGIT,
    HAN,
    HANGUL,
    INVISIBLE,
    KANA,
    LATIN,
    LETTER,
    MARK,
    SPACE,
    UPPER,
    kinds_table,
    lower_table,
)
from danlu.text.kernels.makeup import KINDS
from danlu.text.kernels.measure import COUNTS, measure_texts
from danlu.text.sizes import FIRST_WORDS, HAN_SIZES, MOST_CHARACTERS, RUN, SHORT_LINE, SIZES, TOP_SIZES

Shares = NDArray[np.float64]

# Gopher's eight and six more: a review of forty words may have none of the eight, and is English all the same.
GOPHER_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
ENGLISH_STOP_WORDS = (*GOPHER_STOP_WORDS, "is", "it", "in", "this", "was", "for")
# The most frequent function characters, simplified and traditional forms as one.
CHINESE_STOP_WORDS = (*"的是在和了有不人我也他而就都", "与與", "这這", "为為")
# FineWeb-2's for cmn_Hani, simplified and traditional forms as two; its "·" is no word here.
FINEWEB2_STOP_WORDS = tuple("的年在月是和日了於為有被人中为他與後也而由")
_BULLETS = "•-*·●○■□▪◦‣–—◆◇★☆"

N_GRAMS = tuple(f"top_{size}_gram" if size in TOP_SIZES else f"repeated_{size}_gram" for size in SIZES)
STOP_WORDS: dict[str, tuple[str, ...]] = {
    "stop_words": (*ENGLISH_STOP_WORDS, *CHINESE_STOP_WORDS),
    "gopher_stop_words": GOPHER_STOP_WORDS,
    "fineweb2_stop_words": FINEWEB2_STOP_WORDS,
}
_CJK_START = "\u2e80"


def measure(texts: Sequence[str], *, han: bool) -> dict[str, Shares]:
    """All measures of the texts by name, float64[texts] each. `han`: the texts are written in Han, which sizes n-grams."""
    data, offsets = string_buffers(texts)
    return measure_buffers(data, offsets, np.full(len(texts), han))


def measure_buffers(data: NDArray[np.uint8], offsets: NDArray[np.int64], han: NDArray[np.bool_]) -> dict[str, Shares]:
    """The same of texts as Arrow holds them (`danlu.text.buffers`); `han` bool[texts].

    Of a text longer than `MOST_CHARACTERS` the beginning is measured.
    """
    size = len(offsets) - 1
    counts, made_of = np.empty((size, len(COUNTS)), np.int64), np.empty((size, KINDS), np.int64)
    found = np.empty(size, np.uint64)
    shares = np.empty((size, len(SIZES)))
    sizes = np.array([SIZES, [HAN_SIZES[number] for number in SIZES]], np.int64)
    settings = np.array([len(TOP_SIZES), SHORT_LINE, RUN, FIRST_WORDS, MOST_CHARACTERS], np.int64)
    bullets = np.array([ord(sign) for sign in _BULLETS], np.uint32)
    listed, meanings, factor, bits = _word_table()
    measure_texts(
        data, offsets, han, kinds_table(), lower_table(), listed, meanings, factor, _hashes_of(("lorem", "ipsum")), bullets,
        sizes, settings, counts, made_of, found, shares,
    )  # fmt: skip
    number = dict(zip(COUNTS, np.ascontiguousarray(counts.T, np.float64), strict=True))
    kinds = np.ascontiguousarray(made_of.T, np.float64)
    stop_words = {name: np.bitwise_count(found & mask).astype(np.float64) for name, mask in bits.items()}
    return {
        "words": number["words"],
        "lines": number["lines"],
        **_word_measures(number),
        **stop_words,
        **_character_measures(number, kinds, han),
        **_line_measures(number),
        **dict(zip(N_GRAMS, np.ascontiguousarray(shares.T), strict=True)),
    }


def _word_measures(number: dict[str, Shares]) -> dict[str, Shares]:
    words = number["words"]
    length = number["word_characters"] / np.maximum(words, 1)
    return {
        "many_words": words,
        "short_words": length,
        "long_words": length,
        "alphabetic_words": _share(number["alphabetic_words"], words, 1.0),
        # As datatrove counts: marks that stand together are a word as well.
        "alphabetic_tokens": _share(number["alphabetic_words"], words + number["mark_runs"], 1.0),
        "distinct_words": _share(number["distinct_words"], np.minimum(words, FIRST_WORDS), 1.0),
        "lorem_ipsum": np.minimum(number["lorem_ipsum"], 1.0),
        "hashes": number["hashes"] / np.maximum(words, 1),
        "ellipses": number["ellipses"] / np.maximum(words, 1),
        "few_sentences": number["sentences"],
        "braces": number["braces"],
    }


def _character_measures(number: dict[str, Shares], kinds: Shares, in_han: NDArray[np.bool_]) -> dict[str, Shares]:
    """`kinds` float64[KINDS, texts]: characters with each flag."""

    def count(flag: int) -> Shares:
        return np.asarray(kinds[flag.bit_length() - 1])

    characters, spaces = number["characters"], count(SPACE)
    letters, visible, digits = count(LETTER), characters - spaces, count(DIGIT)
    # A Chinese word has 1.6 characters and an English one five, so that a Han character weighs as three letters.
    han, latin = 3 * count(HAN), count(LATIN)
    weights = han + latin + (letters - han / 3 - latin)
    runs = number["run_characters"]
    return {
        "letters": _share(letters + digits / 2 - number["run_letters"], visible - runs, 1.0),
        "script": _share(np.where(in_han, han, latin), weights, 1.0),
        "latin": _share(latin, weights, 0.0),
        "han": _share(han, weights, 0.0),
        "kana": _share(count(KANA), weights, 0.0),
        "hangul": _share(count(HANGUL), weights, 0.0),
        "cyrillic": _share(count(CYRILLIC), weights, 0.0),
        "digits": _share(digits, visible, 0.0),
        "marks": _share(count(MARK), visible, 0.0),
        "upper_case": _share(count(UPPER), latin + count(CYRILLIC), 0.0),
        "broken_characters": _share(count(BROKEN), visible, 0.0),
        "invisible_characters": _share(count(INVISIBLE), visible, 0.0),
        "mojibake": _share(number["mojibake"], visible, 0.0),
        "markup": _share(number["markup_characters"], characters, 0.0),
        "character_runs": _share(runs, visible, 0.0),
        "urls": _share(number["url_characters"], characters, 0.0),
    }


def _line_measures(number: dict[str, Shares]) -> dict[str, Shares]:
    lines, words = number["lines"], np.maximum(number["words"], 1)
    return {
        "bullet_lines": _share(number["bullet_lines"], lines, 0.0),
        "ellipsis_lines": _share(number["ellipsis_lines"], lines, 0.0),
        "ended_lines": _share(number["ended_lines"], lines, 1.0),
        "short_lines": _share(number["short_lines"], lines, 0.0),
        "lines_per_word": lines / words,
        "newlines_per_word": number["newlines"] / words,
        "repeated_lines": _share(number["repeated_lines"], lines, 0.0),
        "repeated_line_characters": _share(number["repeated_line_characters"], number["line_characters"], 0.0),
        "repeated_paragraphs": _share(number["repeated_paragraphs"], number["paragraphs"], 0.0),
        "repeated_paragraph_characters": _share(number["repeated_paragraph_characters"], number["paragraph_characters"], 0.0),
    }


@cache
def _word_table() -> tuple[NDArray[np.uint64], NDArray[np.uint64], np.uint64, dict[str, np.uint64]]:
    """Hashes of all stop words in a table of open addressing, a bit for each word, and the bits of each list."""
    words: dict[str, set[int]] = {}  # a form of a word -> its bits
    bits: dict[str, np.uint64] = {}
    numbers: dict[str, int] = {}
    for name, group in STOP_WORDS.items():
        for word in group:
            # The forms of a Chinese character are one word with one bit; forms that another list parts have more.
            number = numbers.setdefault(word, len(numbers))
            for form in word if word[0] >= _CJK_START else (word,):
                words.setdefault(form, set()).add(number)
        bits[name] = np.uint64(sum(1 << numbers[word] for word in group))
    hashes = _hashes_of(tuple(words))
    # Any odd factor spreads the hashes; one of the first dozen gives each a place of its own in a table so much larger.
    size = 1024
    slots = hashes
    factor = -1
    while len(set(slots.tolist())) < len(words) or factor < 0:
        factor += 2
        slots = hashes * np.uint64(factor) >> np.uint64(64 - size.bit_length() + 1)
    listed, meanings = np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    listed[slots] = hashes
    meanings[slots] = [sum(1 << number for number in numbers_of) for numbers_of in words.values()]
    return listed, meanings, np.uint64(factor), bits


def _hashes_of(words: Iterable[str]) -> NDArray[np.uint64]:
    return word_hashes(*string_buffers([" ".join(words)]))[0]


def _share(part: NDArray[Any], whole: Shares, empty: float) -> Shares:
    """`part / whole`, and `empty` where there is nothing to share."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), empty)

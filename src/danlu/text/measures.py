"""Measures of texts, computed for many texts at once: what the rules of `clean` put thresholds on.

Definitions follow Gopher (Rae et al. 2021, tables A1 and the quality rules), C4 and FineWeb, where they differ among
implementations as written beside each. All shares are between 0 and 1; a text without words, lines or letters has the
value that no rule objects to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danlu.text.batch import Batch, hash_words, make_batch, mix
from danlu.text.characters import BROKEN, DIGIT, ENDING, HAN, LATIN, LETTER, SPACE
from danlu.text.repetition import (
    Shares,
    most_frequent_share,
    paragraphs,
    repeated_positions,
    repeated_share,
    repeated_spans,
)

# Gopher's eight and six more: a review of forty words may have none of the eight, and is English all the same.
ENGLISH_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with", "is", "it", "in", "this", "was", "for")
# The most frequent function characters, simplified and traditional forms as one (FineWeb-2 lists both as two).
CHINESE_STOP_WORDS = (
    "的",
    "是",
    "在",
    "和",
    "与與",
    "了",
    "有",
    "不",
    "人",
    "我",
    "这這",
    "也",
    "为為",
    "他",
    "而",
    "就",
    "都",
)
TOP_SIZES = (2, 3, 4)
REPEAT_SIZES = (5, 6, 7, 8, 9, 10)
# A Chinese word has 1.6 characters on average, so an n-gram of words is one of ceil(1.6 n) characters.
HAN_SIZES = {2: 4, 3: 5, 4: 7, 5: 8, 6: 10, 7: 12, 8: 13, 9: 15, 10: 16}
FIRST_WORDS = 100  # words looked at for `distinct_words`: the share of distinct words falls with length
RUN = 5  # equal characters in a row from which on they are a run
SHORT_LINE = 30  # characters, as FineWeb
_URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+", re.IGNORECASE)
_ELLIPSIS = re.compile(r"\.{3,}|…+|。{3,}|．{3,}")
_BULLETS = frozenset("•-*·●○■□▪◦‣–—◆◇★☆")


def measure(texts: Sequence[str], *, han: bool) -> dict[str, NDArray[np.float64]]:
    """All measures of the texts by name, float64[texts] each. `han`: the texts are written in Han, which sizes n-grams."""
    batch = make_batch(texts)
    words = np.bincount(batch.words.texts, minlength=batch.size).astype(np.float64)
    lines = np.bincount(batch.lines.texts, minlength=batch.size).astype(np.float64)
    return {
        "words": words,
        "lines": lines,
        **_word_measures(batch, words),
        **_character_measures(batch, han),
        **_sign_measures(texts, words),
        **_line_measures(batch, words, lines),
        **_n_gram_measures(batch, HAN_SIZES if han else {size: size for size in (*TOP_SIZES, *REPEAT_SIZES)}),
    }


def _word_measures(batch: Batch, words: Shares) -> dict[str, Shares]:
    texts, size = batch.words.texts, batch.size
    letters = np.concatenate(([0], np.cumsum(batch.kinds & LETTER != 0)))
    alphabetic = letters[batch.words.ends] > letters[batch.words.starts]
    length = batch.word_characters / np.maximum(words, 1)
    return {
        "short_words": length,
        "long_words": length,
        "alphabetic_words": _share(np.bincount(texts, alphabetic, size), words, 1.0),
        "stop_words": _stop_words(batch),
        "distinct_words": _distinct(batch, words),
    }


def _stop_words(batch: Batch) -> Shares:
    """How many of the stop words of both languages each text has."""
    groups = [*((word,) for word in ENGLISH_STOP_WORDS), *(tuple(group) for group in CHINESE_STOP_WORDS)]
    hashes = hash_words([word for group in groups for word in group])
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    order = np.argsort(hashes)
    place = np.minimum(np.searchsorted(hashes[order], batch.hashes), len(hashes) - 1)
    found = hashes[order][place] == batch.hashes
    has = np.zeros((batch.size, len(groups)), bool)
    has[batch.words.texts[found], numbers[order][place[found]]] = True
    return np.asarray(has.sum(axis=1), np.float64)


def _distinct(batch: Batch, words: Shares) -> Shares:
    """Distinct words among the first `FIRST_WORDS` of each text, as a share of them."""
    ordinal = np.arange(len(batch.hashes)) - np.searchsorted(batch.words.texts, batch.words.texts)
    among = ordinal < FIRST_WORDS
    texts, hashes = batch.words.texts[among], batch.hashes[among]
    keys = mix(hashes + mix(texts.astype(np.uint64)))
    order = np.argsort(keys)
    new = np.ones(len(keys), bool)
    new[1:] = np.diff(keys[order]) != 0
    return _share(np.bincount(texts[order][new], minlength=batch.size), np.minimum(words, FIRST_WORDS), 1.0)


def _character_measures(batch: Batch, in_han: bool) -> dict[str, Shares]:
    kinds = batch.kinds

    def count(flags: NDArray[np.bool_]) -> Shares:
        # Every text has a character, its line break, so that no slice is empty.
        return np.add.reduceat(flags, batch.starts[:-1], dtype=np.int64).astype(np.float64)

    letters, visible, digits = count(kinds & LETTER != 0), count(kinds & SPACE == 0), count(kinds & DIGIT != 0)
    # A Chinese word has 1.6 characters and an English one five, so that a Han character weighs as three letters.
    han, latin = 3 * count(kinds & HAN != 0), count(kinds & LATIN != 0)
    weights = han + latin + (letters - han / 3 - latin)
    run = np.zeros(len(kinds), bool)
    if len(kinds) >= RUN:
        same = (batch.codes[1:] == batch.codes[:-1]) & (kinds[1:] & SPACE == 0)
        starts = np.flatnonzero(np.convolve(same, np.ones(RUN - 1, np.int64), "valid") == RUN - 1)
        for offset in range(RUN):
            run[starts + offset] = True
    runs = count(run)
    return {
        "letters": _share(letters + digits / 2 - count(run & (kinds & LETTER != 0)), visible - runs, 1.0),
        "script": _share(han if in_han else latin, weights, 1.0),
        "broken_characters": _share(count(kinds & BROKEN != 0), visible, 0.0),
        "character_runs": _share(runs, visible, 0.0),
    }


def _sign_measures(texts: Sequence[str], words: Shares) -> dict[str, Shares]:
    per_word = np.maximum(words, 1)
    hashes = np.array([text.count("#") for text in texts], np.float64)
    ellipses = np.array([len(_ELLIPSIS.findall(text)) if "..." in text or "…" in text else 0 for text in texts], np.float64)
    urls = np.array(
        [sum(map(len, _URL.findall(text))) / len(text) if "ttp" in text or "ww." in text else 0.0 for text in texts], np.float64
    )
    lorem = np.array([float("lorem ipsum" in text.lower()) if "ipsum" in text else 0.0 for text in texts], np.float64)
    return {"hashes": hashes / per_word, "ellipses": ellipses / per_word, "urls": urls, "lorem_ipsum": lorem}


def _line_measures(batch: Batch, words: Shares, lines: Shares) -> dict[str, Shares]:
    spans, size = batch.lines, batch.size

    def share(flags: NDArray[np.bool_], empty: float = 0.0) -> Shares:
        return _share(np.bincount(spans.texts, flags, size), lines, empty)

    last = batch.codes[spans.ends - 1]
    dots = (last == ord(".")) & (batch.codes[np.maximum(spans.ends - 3, 0)] == ord(".")) & (spans.lengths >= 3)
    bullets = np.isin(batch.codes[spans.starts], [ord(sign) for sign in sorted(_BULLETS)])
    repeated = repeated_spans(batch, spans)
    blocks = paragraphs(batch)
    repeated_blocks = repeated_spans(batch, blocks)
    block_count = np.bincount(blocks.texts, minlength=size).astype(np.float64)
    line_characters = np.bincount(spans.texts, spans.lengths, size).astype(np.float64)
    block_characters = np.bincount(blocks.texts, blocks.lengths, size).astype(np.float64)
    return {
        "bullet_lines": share(bullets),
        "ellipsis_lines": share(dots | (last == ord("…"))),
        "ended_lines": share(batch.kinds[spans.ends - 1] & ENDING != 0, 1.0),
        "short_lines": share(spans.lengths <= SHORT_LINE),
        "lines_per_word": lines / np.maximum(words, 1),
        "repeated_lines": share(repeated),
        "repeated_line_characters": _share(np.bincount(spans.texts, spans.lengths * repeated, size), line_characters, 0.0),
        "repeated_paragraphs": _share(np.bincount(blocks.texts, repeated_blocks, size), block_count, 0.0),
        "repeated_paragraph_characters": _share(
            np.bincount(blocks.texts, blocks.lengths * repeated_blocks, size), block_characters, 0.0
        ),
    }


def _n_gram_measures(batch: Batch, sizes: Mapping[int, int]) -> dict[str, Shares]:
    names = {units: size for size, units in sizes.items()}
    result = {}
    for units, positions, keys in repeated_positions(batch, sorted(names)):
        size = names[units]
        if size in TOP_SIZES:
            result[f"top_{size}_gram"] = most_frequent_share(batch, positions, keys, units)
        else:
            result[f"repeated_{size}_gram"] = repeated_share(batch, positions, keys, units)
    return result


def _share(part: NDArray[Any], whole: Shares, empty: float) -> Shares:
    """`part / whole`, and `empty` where there is nothing to share."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), empty)

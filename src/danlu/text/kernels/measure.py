"""All counts of many texts in one pass: each is decoded once, its words found and hashed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.decode import decode
from danlu.text.kernels.kinds import LETTER
from danlu.text.kernels.lines import LINE_COUNTS, count_lines, split_lines
from danlu.text.kernels.repetition import repeated_shares
from danlu.text.kernels.signs import SIGN_COUNTS, count_signs
from danlu.text.kernels.table import clear, first_equal
from danlu.text.kernels.words import split_words

WORD_COUNTS = ("characters", "words", "word_characters", "alphabetic_words", "distinct_words", "lorem_ipsum")
COUNTS = (*WORD_COUNTS, *SIGN_COUNTS, *LINE_COUNTS)
_CHARACTERS, _WORDS, _WORD_CHARACTERS, _ALPHABETIC, _DISTINCT, _LOREM = range(len(WORD_COUNTS))
_SIGNS, _LINES, _END = len(WORD_COUNTS), len(WORD_COUNTS) + len(SIGN_COUNTS), len(COUNTS)


@kernel
def measure_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    han: NDArray[np.bool_],
    classes: NDArray[np.uint8],
    flags: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    listed: NDArray[np.uint64],
    meanings: NDArray[np.uint64],
    lorem: NDArray[np.uint64],
    bullets: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    settings: NDArray[np.int64],
    counts: NDArray[np.int64],
    histograms: NDArray[np.int64],
    found: NDArray[np.uint64],
    shares: NDArray[np.float64],
) -> None:
    """Count everything: into `counts` int64[texts, COUNTS], characters by class into `histograms` int64[texts, 2, classes], the
    `meanings` of all listed words that a text has into `found` uint64[texts], shares of repeated n-grams into `shares`.

    `listed`: a table of hashes of words, a power of two long, 0 where empty; `meanings`: bits for each. `lorem`: the hashes
    of "lorem" and "ipsum". `sizes` int64[2, sizes]: of n-grams in texts that are not in Han and in those that are.
    `settings`: sizes whose share is of the most frequent n-gram; characters of a short line; of a run; words among which
    distinct ones are counted; most characters of a text that are looked at.
    """
    tops, short, run, first_words, most = settings
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, min(offsets[row + 1] - offsets[row], most))
    codes = np.empty(longest, np.uint32)
    starts, ends = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int32)
    hashes, keys = np.empty(longest, np.uint64), np.empty(longest, np.uint64)
    written = np.empty(longest + 1, np.int32)
    positions, firsts, times = np.empty(longest, np.int32), np.empty(longest, np.int32), np.empty(longest, np.int32)
    table, marks = np.empty(4 * longest + 4, np.int32), np.empty(16 * longest + 16, np.uint8)
    slots = np.uint64(len(listed) - 1)
    for row in range(len(offsets) - 1):
        counted = counts[row]
        characters = decode(data, offsets[row], offsets[row + 1], codes[:most])
        words = split_words(codes, characters, classes, flags, lower, starts, ends, hashes)
        counted[_CHARACTERS], counted[_WORDS] = characters, words
        written[0] = 0
        bits = np.uint64(0)
        alphabetic = lorems = 0
        for word in range(words):
            written[word + 1] = written[word] + (ends[word] - starts[word])
            letter = False
            for at in range(starts[word], ends[word]):
                if flags[classes[codes[at]]] & LETTER != 0:
                    letter = True
                    break
            alphabetic += letter
            value = hashes[word]
            slot = value & slots
            while listed[slot] != 0:
                if listed[slot] == value:
                    bits |= meanings[slot]
                    break
                slot = (slot + np.uint64(1)) & slots
            lorems += value == lorem[1] and word > 0 and hashes[word - 1] == lorem[0]
        found[row] = bits
        counted[_WORD_CHARACTERS], counted[_ALPHABETIC], counted[_LOREM] = written[words], alphabetic, lorems
        among = min(words, first_words)
        mask = clear(table, among)
        distinct = 0
        for word in range(among):
            distinct += first_equal(table, mask, hashes, word) == word
        counted[_DISTINCT] = distinct
        in_han = np.int64(han[row])
        repeated_shares(hashes, words, written, sizes[in_han], tops, keys, positions, firsts, times, table, marks, shares[row])
        count_signs(codes, characters, classes, flags, run, histograms[row], counted[_SIGNS:_LINES])
        lines, newlines = split_lines(codes, characters, classes, flags, starts, ends, positions)
        count_lines(
            codes, classes, flags, bullets, short, lines, newlines, starts, ends, positions, keys, table, counted[_LINES:_END]
        )  # fmt: skip

"""All counts of many texts in one pass: each is decoded once, its words found and hashed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.decode import decode
from danlu.text.kernels.lines import LINE_COUNTS, count_lines, split_lines
from danlu.text.kernels.listed import count_alphabetic, count_pairs, meanings_of
from danlu.text.kernels.makeup import count_kinds
from danlu.text.kernels.repetition import add_up, repeated_shares
from danlu.text.kernels.signs import SIGN_COUNTS, count_signs
from danlu.text.kernels.table import find_firsts, new_table
from danlu.text.kernels.words import split_words

WORD_COUNTS = (
    "characters", "words", "word_characters", "alphabetic_words", "distinct_words", "lorem_ipsum", "mark_runs",
)  # fmt: skip
COUNTS = (*WORD_COUNTS, *SIGN_COUNTS, *LINE_COUNTS)
_CHARACTERS, _WORDS, _WORD_CHARACTERS, _ALPHABETIC, _DISTINCT, _LOREM, _MARK_RUNS = range(len(WORD_COUNTS))
_SIGNS, _LINES, _END = len(WORD_COUNTS), len(WORD_COUNTS) + len(SIGN_COUNTS), len(COUNTS)


@kernel
def measure_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    han: NDArray[np.bool_],
    table: NDArray[np.uint16],
    lower: NDArray[np.uint32],
    listed: NDArray[np.uint64],
    meanings: NDArray[np.uint64],
    factor: np.uint64,
    lorem: NDArray[np.uint64],
    bullets: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    settings: NDArray[np.int64],
    counts: NDArray[np.int64],
    made_of: NDArray[np.int64],
    found: NDArray[np.uint64],
    shares: NDArray[np.float64],
) -> None:
    """Count everything: into `counts` int64[texts, COUNTS], characters by kind into `made_of` int64[texts, KINDS], the
    `meanings` of all listed words that a text has into `found` uint64[texts], shares of repeated n-grams into `shares`.

    `table`: flags of each code point. `listed`, `meanings`, `factor`: as `meanings_of` says. `lorem`: the hashes of "lorem"
    and "ipsum". `sizes` int64[2, sizes]: of n-grams in texts that are not in Han and in those that are.
    `settings`: sizes whose share is of the most frequent n-gram; characters of a short line; of a run; words among which
    distinct ones are counted; most characters of a text that are looked at.
    """
    tops, short, run, first_words, most = settings
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, min(offsets[row + 1] - offsets[row], most))
    codes, kinds = np.empty(longest, np.uint32), np.empty(longest // 4 * 4 + 4, np.uint16)
    starts, ends = np.empty(longest, np.int32), np.empty(longest, np.int32)
    hashes, keys, sums = np.empty(longest, np.uint64), np.empty(longest, np.uint64), np.empty(longest + 1, np.uint64)
    written = np.empty(longest + 1, np.int32)
    positions, firsts, copies = np.empty(longest, np.int32), np.empty(longest, np.int32), np.empty(longest, np.int32)
    places = new_table(longest)
    for row in range(len(offsets) - 1):
        counted = counts[row]
        characters = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        counted[_CHARACTERS] = characters
        counted[_MARK_RUNS] = count_kinds(kinds, characters, made_of[row])
        count_signs(codes, kinds, characters, run, counted[_SIGNS:_LINES])
        words = split_words(codes, kinds, characters, lower, starts, ends, hashes)
        counted[_WORDS] = words
        counted[_ALPHABETIC] = count_alphabetic(kinds, words, starts, ends)
        counted[_LOREM] = count_pairs(hashes, words, lorem[0], lorem[1])
        found[row] = meanings_of(hashes, words, listed, meanings, factor)
        among = min(words, first_words)
        for word in range(among):
            positions[word] = word
        find_firsts(hashes, positions, among, places, firsts)
        distinct = 0
        for word in range(among):
            distinct += firsts[word] == word
        counted[_DISTINCT] = distinct
        written[0] = 0
        for word in range(words):
            written[word + 1] = written[word] + (ends[word] - starts[word])
        counted[_WORD_CHARACTERS] = written[words]
        add_up(hashes, words, sums)
        in_han = np.int64(han[row])
        repeated_shares(sums, words, written, sizes[in_han], tops, keys, positions, firsts, copies, places, shares[row])
        lines, newlines = split_lines(codes, kinds, characters, starts, ends, positions)
        count_lines(
            codes, kinds, bullets, short, lines, newlines, starts, ends, positions, keys, copies, firsts, places,
            counted[_LINES:_END],
        )  # fmt: skip

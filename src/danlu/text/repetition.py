"""How much of a text says what it has said before: n-grams of words, lines, paragraphs.

An n-gram that occurs twice has parts that occur twice. So the positions of repeated n-grams are found among those of
repeated (n-1)-grams, of which there are few: all sizes together cost little more than one sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from danlu.text.batch import Batch, Flags, Hashes, Integers, Spans, mix

Shares = NDArray[np.float64]


def repeated_positions(batch: Batch, sizes: Sequence[int]) -> Iterator[tuple[int, Integers, Hashes]]:
    """For each of the ascending sizes n: word positions where a repeated n-gram begins, and its hash.

    Repeated is what the same text has twice or more.
    """
    texts = batch.words.texts
    positions = np.arange(len(texts))
    keys = mix(batch.hashes + mix(texts.astype(np.uint64)))
    for size in range(2, max(sizes, default=0) + 1):
        ends = positions + size - 1
        whole = ends < len(texts)
        positions, keys, ends = positions[whole], keys[whole], ends[whole]
        same = texts[ends] == texts[positions]
        positions, keys, ends = positions[same], keys[same], ends[same]
        keys = mix(keys + batch.hashes[ends])
        if size in sizes or size % 3 == 0:  # every size needs the keys; to narrow the positions at each is not worth a sort
            keep = _repeated(keys)
            positions, keys = positions[keep], keys[keep]
        if size in sizes:
            yield size, positions, keys


def most_frequent_share(batch: Batch, positions: Integers, keys: Hashes, size: int) -> Shares:
    """Share of each text's word characters that its most frequent repeated n-gram makes up, float64[texts] (0 if none)."""
    shares = np.zeros(batch.size)
    if not len(positions):
        return shares
    order = np.argsort(keys, kind="stable")
    firsts = np.flatnonzero(np.concatenate(([True], np.diff(keys[order]) != 0)))
    counts = np.diff(np.append(firsts, len(order)))
    begins = positions[order[firsts]]
    written = np.concatenate(([0], np.cumsum(batch.words.lengths)))
    characters = (written[begins + size] - written[begins]) * counts
    np.maximum.at(shares, batch.words.texts[begins], characters)
    # Copies may overlap ("ha ha ha ha"), so that their sum may exceed the text.
    return np.minimum(shares / np.maximum(batch.word_characters, 1), 1.0)


def repeated_share(batch: Batch, positions: Integers, keys: Hashes, size: int) -> Shares:
    """Share of each text's word characters inside second and later copies of an n-gram, each counted once, float64[texts]."""
    later = positions[_later(keys)]
    change = np.zeros(len(batch.hashes) + 1, np.int64)
    np.add.at(change, later, 1)
    np.add.at(change, later + size, -1)
    covered = np.cumsum(change[:-1]) > 0
    covered_characters = np.bincount(batch.words.texts, batch.words.lengths * covered, batch.size)
    return np.asarray(covered_characters / np.maximum(batch.word_characters, 1))


def repeated_spans(batch: Batch, spans: Spans) -> Flags:
    """Whether each line or paragraph equals an earlier one of its text, bool[spans]. Exact: candidates are compared."""
    if not len(spans.starts):
        return np.zeros(0, bool)
    middle = (spans.starts + spans.ends) // 2
    ends = batch.codes[np.stack((spans.starts, middle, spans.ends - 1))].astype(np.uint64)
    keys = mix(
        spans.texts.astype(np.uint64) + mix(spans.lengths.astype(np.uint64) + mix(ends[0] + mix(ends[1] + mix(ends[2]))))
    )
    repeated = np.zeros(len(keys), bool)
    seen: set[tuple[int, str]] = set()
    for index in np.flatnonzero(_repeated(keys)).tolist():
        entry = (int(spans.texts[index]), batch.joined[spans.starts[index] : spans.ends[index]])
        repeated[index] = entry in seen
        seen.add(entry)
    return repeated


def paragraphs(batch: Batch) -> Spans:
    """Runs of lines with no blank line between them."""
    lines = batch.lines
    if not len(lines.starts):
        return lines
    breaks = np.cumsum(np.concatenate((batch.codes == 10, [False])))
    gap = breaks[lines.starts[1:]] - breaks[lines.ends[:-1] - 1]  # line breaks between a line and the next
    first = np.concatenate(([True], (gap > 1) | (lines.texts[1:] != lines.texts[:-1])))
    last = np.append(first[1:], True)
    return Spans(lines.starts[first], lines.ends[last], lines.texts[first])


def _repeated(keys: Hashes) -> Flags:
    """Whether each key occurs twice or more."""
    if not len(keys):
        return np.zeros(0, bool)
    order = np.argsort(keys)
    same = np.diff(keys[order]) == 0
    result = np.zeros(len(keys), bool)
    result[order] = np.concatenate(([False], same)) | np.concatenate((same, [False]))
    return result


def _later(keys: Hashes) -> Flags:
    """Whether each key occurred before."""
    if not len(keys):
        return np.zeros(0, bool)
    order = np.argsort(keys, kind="stable")
    result = np.zeros(len(keys), bool)
    result[order[1:]] = np.diff(keys[order]) == 0
    return result

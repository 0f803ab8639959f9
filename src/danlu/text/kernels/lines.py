"""Lines and paragraphs of a text: their first and last characters, and which of them repeat an earlier one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.kinds import ENDING, SPACE
from danlu.text.kernels.table import find_firsts
from danlu.text.kernels.words import mix

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_NEWLINE, _DOT, _ELLIPSIS = 10, 0x2E, 0x2026

LINE_COUNTS = (
    "lines", "line_characters", "bullet_lines", "ellipsis_lines", "ended_lines", "short_lines", "newlines",
    "repeated_lines", "repeated_line_characters",
    "paragraphs", "paragraph_characters", "repeated_paragraphs", "repeated_paragraph_characters",
)  # fmt: skip
(
    _LINES, _LINE_CHARACTERS, _BULLETS, _ELLIPSES, _ENDED, _SHORT, _NEWLINES, _REPEATED, _REPEATED_CHARACTERS,
    _PARAGRAPHS, _PARAGRAPH_CHARACTERS, _REPEATED_PARAGRAPHS, _REPEATED_PARAGRAPH_CHARACTERS,
) = range(len(LINE_COUNTS))  # fmt: skip


@kernel
def split_lines(
    codes: NDArray[np.uint32],
    kinds: NDArray[np.uint16],
    count: int,
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    blocks: NDArray[np.int32],
) -> tuple[int, int]:
    """Lines that hold more than spaces, without the spaces at their ends, and the ordinal of the paragraph each is in.

    A blank line parts paragraphs. Returns how many lines there are, and how many line breaks.
    """
    lines = newlines = block = at = 0
    blank = False  # whether a blank line came since the last line
    while at < count:
        first = at
        while at < count and codes[at] != _NEWLINE:
            at += 1
        last = at
        newlines += at < count
        at += 1
        while first < last and kinds[first] & SPACE != 0:
            first += 1
        while first < last and kinds[last - 1] & SPACE != 0:
            last -= 1
        if first == last:
            blank = True
            continue
        block += blank and lines > 0
        starts[lines], ends[lines], blocks[lines] = first, last, block
        lines += 1
        blank = False
    return lines, newlines


@kernel
def count_lines(
    codes: NDArray[np.uint32],
    kinds: NDArray[np.uint16],
    bullets: NDArray[np.uint32],
    short: int,
    lines: int,
    newlines: int,
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    blocks: NDArray[np.int32],
    keys: NDArray[np.uint64],
    order: NDArray[np.int32],
    firsts: NDArray[np.int32],
    table: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """What lines and paragraphs begin and end with, and how many repeat an earlier one, into `counts` (`LINE_COUNTS`).

    Lines are equal here if 64-bit hashes of them are: two different ones share one once in 10**19 pairs.
    """
    counts[:] = 0
    counts[_LINES], counts[_NEWLINES] = lines, newlines
    for line in range(lines):
        start, end = starts[line], ends[line]
        length, first, last = end - start, codes[start], codes[end - 1]
        counts[_LINE_CHARACTERS] += length
        for bullet in bullets:
            counts[_BULLETS] += first == bullet
        dots = last == _DOT and length >= 3 and codes[end - 2] == _DOT and codes[end - 3] == _DOT
        counts[_ELLIPSES] += dots or last == _ELLIPSIS
        counts[_ENDED] += kinds[end - 1] & ENDING != 0
        counts[_SHORT] += length <= short
    if lines == 1:
        counts[_PARAGRAPHS], counts[_PARAGRAPH_CHARACTERS] = 1, counts[_LINE_CHARACTERS]
    if lines < 2:
        return
    for line in range(lines):
        keys[line] = _hash(codes, starts[line], ends[line])
    for line in range(lines):
        order[line] = line
    find_firsts(keys, order, lines, table, firsts)
    for line in range(lines):
        if firsts[line] != line:
            counts[_REPEATED] += 1
            counts[_REPEATED_CHARACTERS] += ends[line] - starts[line]
    # The key of a paragraph is that of its lines in order; it takes the place of its first line.
    paragraphs = line = 0
    while line < lines:
        first_line = line
        value = keys[line]
        line += 1
        while line < lines and blocks[line] == blocks[first_line]:
            value = mix(value + keys[line])
            line += 1
        keys[first_line] = value
        order[paragraphs], ends[first_line] = first_line, ends[line - 1]
        counts[_PARAGRAPH_CHARACTERS] += ends[first_line] - starts[first_line]
        paragraphs += 1
    counts[_PARAGRAPHS] = paragraphs
    find_firsts(keys, order, paragraphs, table, firsts)
    for at in range(paragraphs):
        first_line = order[at]
        if firsts[first_line] != first_line:
            counts[_REPEATED_PARAGRAPHS] += 1
            counts[_REPEATED_PARAGRAPH_CHARACTERS] += ends[first_line] - starts[first_line]


@kernel
def _hash(codes: NDArray[np.uint32], at: int, end: int) -> np.uint64:
    """Of a line, in four sums that do not wait for each other: multiplying takes longest."""
    first = second = third = fourth = _FACTOR * np.uint64(end - at)
    while at + 4 <= end:
        first = (first ^ np.uint64(codes[at])) * _FACTOR
        second = (second ^ np.uint64(codes[at + 1])) * _FACTOR
        third = (third ^ np.uint64(codes[at + 2])) * _FACTOR
        fourth = (fourth ^ np.uint64(codes[at + 3])) * _FACTOR
        at += 4
    while at < end:
        first = (first ^ np.uint64(codes[at])) * _FACTOR
        at += 1
    return mix(mix(mix(mix(first) + second) + third) + fourth)

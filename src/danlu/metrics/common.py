"""Longest common subsequence and substring of two sequences of tokens."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def _rows(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[int]:
    """The table of lengths with the bits of an integer as a row (Hyyrö 2004). Row i is of the first i tokens of `a`: against
    the first j tokens of `b`, the length is the number of zeros among its j lowest bits."""
    where: dict[Hashable, int] = {}
    for place, token in enumerate(b):
        where[token] = where.get(token, 0) | 1 << place
    full = (1 << len(b)) - 1
    rows = [full]
    for token in a:
        row = rows[-1]
        met = row & where.get(token, 0)
        rows.append((row + met | row - met) & full)
    return rows


def subsequence_length(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence."""
    return len(b) - _rows(a, b)[-1].bit_count()


def subsequence_places(a: Sequence[Hashable], b: Sequence[Hashable]) -> set[int]:
    """Places in `a` of one longest common subsequence: of several, the one that rouge-score finds."""
    rows = _rows(a, b)
    i, j, places = len(a), len(b), set()

    def length(i: int, j: int) -> int:
        return j - (rows[i] & (1 << j) - 1).bit_count()

    while i and j:
        if a[i - 1] == b[j - 1]:
            i, j = i - 1, j - 1
            places.add(i)
        elif length(i, j - 1) > length(i - 1, j):
            j -= 1
        else:
            i -= 1
    return places


def substring_length(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Length of the longest common substring (a run without gaps)."""
    best, before = 0, [0] * (len(b) + 1)
    for token in a:
        before = [0, *(length + 1 if token == other else 0 for length, other in zip(before, b, strict=False))]
        best = max(best, *before)
    return best

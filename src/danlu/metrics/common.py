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
    low, high = 0, min(len(a), len(b))
    while low < high:  # where a run is common, so is every shorter one
        middle = (low + high + 1) // 2
        if _runs(a, middle) & _runs(b, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _runs(tokens: Sequence[Hashable], size: int) -> set[tuple[Hashable, ...]]:
    return {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}

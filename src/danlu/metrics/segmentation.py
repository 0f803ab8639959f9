"""Word segmentation as the SIGHAN bakeoffs score it: a word is right where both its borders are.

Words are compared by the characters they span, white space apart. Where a prediction has other characters than the text, its
words cannot be placed, and none of them is right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Literal

import numpy as np

from danlu.metrics.items import Floats, Sums, ratio

Score = Literal["precision", "recall", "f1", "unknown_recall"]


def segmentation(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, score: Score = "f1",
    known: Collection[str] = frozenset(),
) -> Sums:  # fmt: skip
    """By sentence, its true and its predicted words. `known` are the words of the training texts: `unknown_recall` is the
    recall of the others, and is not defined where there are none."""
    table = np.zeros((len(truth), 5))
    vocabulary = frozenset(known)
    for row, true, given in zip(table, truth, predicted, strict=True):
        words, found = placed(true), placed(given)
        right = words.keys() & found.keys() if characters(true) == characters(given) else set()
        unknown = {span for span, word in words.items() if word not in vocabulary}
        row[:] = len(right), len(words), len(found), len(unknown), len(unknown & right)

    def statistic(sums: Floats) -> Floats:
        right, true, given, unknown, unknown_right = np.moveaxis(sums, -1, 0)
        if score == "precision":
            return ratio(right, given)
        if score == "recall":
            return ratio(right, true)
        if score == "unknown_recall":
            return ratio(unknown_right, unknown, np.nan)
        return ratio(2 * right, true + given)

    made = {"known": len(vocabulary)} if score == "unknown_recall" else {}
    return Sums(table, statistic, made)


def characters(words: Sequence[str]) -> str:
    """What the words are cut from, white space left out."""
    return "".join("".join(word.split()) for word in words)


def placed(words: Sequence[str]) -> dict[tuple[int, int], str]:
    """Each word by the characters it spans, white space left out."""
    bare = [joined for word in words if (joined := "".join(word.split()))]
    ends = list(accumulate(map(len, bare)))
    return {(end - len(word), end): word for word, end in zip(bare, ends, strict=True)}

"""Precision, recall and F1 of labelled spans: a span is right where start, end and label are.

Spans of a text are a set: a span predicted twice counts once. With no span at all, true or predicted, the scores are 0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

import numpy as np

from danlu.metrics.classification import Hits, f1, precision, recall
from danlu.metrics.items import Floats, Sums

Span: TypeAlias = tuple[int, int, str]  # start, end, label
Score = Literal["precision", "recall", "f1"]
Average = Literal["micro", "macro"]
SCORES = {"precision": precision, "recall": recall, "f1": f1}


def spans(
    truth: Sequence[Collection[Span]], predicted: Sequence[Collection[Span]], *,
    score: Score = "f1", average: Average = "micro", types: Collection[str] | None = None, known: Collection[str] = (),
) -> Sums:  # fmt: skip
    """By text, its true and its predicted spans. `types` restricts the count to spans of these labels. `known` are labels that
    have columns whether or not they occur here: models can be compared only if theirs are the same.

    micro: all spans pooled; macro: mean over the labels that occur, in truth or predictions.
    """
    found = {label for text in (*truth, *predicted) for _, _, label in text}
    labels = sorted(label for label in found.union(known) if types is None or label in types)
    place = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(truth), 3, len(labels)))
    for row, true, given in zip(table, truth, predicted, strict=True):
        for kind, counted in enumerate((set(true) & set(given), set(true), set(given))):
            for _, _, label in counted:
                if label in place:
                    row[kind, place[label]] += 1

    def statistic(sums: Floats) -> Floats:
        return SCORES[score](Hits(*np.split(sums, 3, axis=-1)), average)

    made: dict[str, object] = {"average": average} | ({} if types is None else {"types": "+".join(sorted(types))})
    return Sums(table.reshape(len(table), 3 * len(labels)), statistic, made)

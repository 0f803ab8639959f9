"""Rankings of documents, as trec_eval scores them; the metric is the mean over queries.

Documents are ranked by score from high to low, equal scores by their name from high to low, which is trec_eval's rule. A
document with a grade of 1 or more is relevant; one that was not graded is not. A query without a ranking, or without relevant
documents, scores 0 (trec_eval -c). Scores are compared as they are, where trec_eval first rounds them to 32 bits.

What a random order scores in expectation needs no draws: of the places all are equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from danlu.metrics.items import Floats, Sums, mean_of

Score = Literal["ndcg", "mrr", "map", "recall", "precision"]


def ranking(
    truth: Sequence[Mapping[str, int]],
    predicted: Sequence[Mapping[str, float]],
    *,
    score: Score = "ndcg",
    cut: int | None = None,
) -> Sums:
    """By query, the grade of each document and the score of each document found. Only the first `cut` documents count."""
    values = [one(grades, scores, score, cut) for grades, scores in zip(truth, predicted, strict=True)]
    return mean_of(values, {"cut": cut or "none", "ties": "name"})


def one(grades: Mapping[str, int], scores: Mapping[str, float], score: Score, cut: int | None) -> float:
    """The score of one ranking; NaN where a document's score is."""
    if any(math.isnan(value) for value in scores.values()):
        return math.nan
    order = sorted(scores, key=lambda name: (scores[name], name), reverse=True)[:cut]
    gains = [max(grades.get(name, 0), 0) for name in order]
    relevant = sum(grade > 0 for grade in grades.values())
    if not relevant:
        return 0.0
    if score == "ndcg":
        return _discounted(gains) / _discounted(sorted(grades.values(), reverse=True)[:cut])
    places = [place for place, gain in enumerate(gains, 1) if gain > 0]
    if score == "mrr":
        return 1 / places[0] if places else 0.0
    if score == "map":
        return sum(found / place for found, place in enumerate(places, 1)) / relevant
    if score == "recall":
        return len(places) / relevant
    return len(places) / (cut or max(len(order), 1))


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1) if gain > 0)


def random_order(
    truth: Sequence[Mapping[str, int]], documents: int, *, score: Score = "ndcg", cut: int | None = None
) -> Sums:  # fmt: skip
    """By query, what `ranking` gives in expectation where all orders of so many `documents` are equally likely; every document
    that the query has a grade for is one of them."""
    values = [expected([max(grade, 0) for grade in grades.values()], documents, score, cut) for grades in truth]
    return mean_of(values, {"cut": cut or "none", "order": "random", "documents": documents})


def expected(grades: Sequence[int], documents: int, score: Score, cut: int | None) -> float:
    """The mean score over all orders of `documents`, of which those named have `grades` (0 or more) and the others none."""
    relevant, seen = sum(grade > 0 for grade in grades), min(cut or documents, documents)
    if not relevant:
        return 0.0
    if score == "ndcg":  # each place of the first holds each document equally often
        best = _discounted(sorted(grades, reverse=True)[:cut])
        return sum(grades) / documents * float(_discounts(seen)) / best
    if score == "mrr":
        return _first(relevant, documents, seen)
    if score == "map":
        # At a place, 1 in `documents` times the precision there: one that is relevant, and before it the share of the others.
        others = (relevant - 1) / max(documents - 1, 1)
        harmonic = _harmonic(seen)
        return (harmonic + others * (seen - harmonic)) / documents
    if score == "recall":
        return seen / documents
    return relevant * seen / documents / (cut or documents)


def _places(count: int) -> Floats:
    return np.arange(1, count + 1, dtype=np.float64)


@lru_cache(64)
def _discounts(count: int) -> float:
    return float((1 / np.log2(_places(count) + 1)).sum())


@lru_cache(64)
def _harmonic(count: int) -> float:
    return float((1 / _places(count)).sum())


@lru_cache(4096)
def _first(relevant: int, documents: int, seen: int) -> float:
    """The mean of 1 / place of the first relevant document, 0 where it is not among the first `seen`."""
    places = _places(seen)
    left = documents - places + 1  # documents that may stand at a place
    none = np.concatenate((np.ones(1), np.cumprod(np.maximum(left - relevant, 0) / left)[:-1]))  # relevant before it
    return float((none * np.minimum(relevant / left, 1) / places).sum())

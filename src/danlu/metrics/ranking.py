"""Rankings of documents, as trec_eval scores them; the metric is the mean over queries.

Documents are ranked by score from high to low, equal scores by their name from high to low, which is trec_eval's rule. A
document with a grade of 1 or more is relevant; one that was not graded is not. A query without a ranking, or without relevant
documents, scores 0 (trec_eval -c). Scores are compared as they are, where trec_eval first rounds them to 32 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from danlu.metrics.items import Sums, mean_of

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

"""Metrics that depend on the order of all items, computed on weighted items so that a resample needs no new sorting.

A weight says how often an item counts; an item of weight 2 equals two items alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Ints, Weighted, ratio

Values: TypeAlias = Callable[[Floats], Floats]


def roc_auc(truth: npt.ArrayLike, probabilities: npt.ArrayLike, *, positive: int = 1) -> Weighted:
    """Area under the receiver operating curve: how often an item of a class has a higher score for it than one that is not of
    it, ties counting half. Two classes: of `positive`; more: each against the rest, mean over the classes that occur.

    `truth` (items,) class numbers; `probabilities` (items, classes). Not defined where only one class occurs.
    """
    table = np.asarray(probabilities, np.float64)
    columns = np.concatenate((np.asarray(truth, np.float64)[:, None], table), 1)
    if table.shape[1] == 2:
        return Weighted(columns, lambda rows: area(rows[:, 0] == positive, rows[:, 1 + positive]), {"positive": positive})
    return Weighted(columns, _one_versus_rest, {"average": "one-vs-rest macro"})


def _one_versus_rest(columns: Floats) -> Values:
    each = [area(columns[:, 0] == number, columns[:, 1 + number]) for number in range(columns.shape[1] - 1)]

    def values(weights: Floats) -> Floats:
        areas = np.stack([one(weights) for one in each])
        known = ~np.isnan(areas)
        return ratio(np.where(known, areas, 0).sum(0), known.sum(0).astype(np.float64), np.nan)

    return values


def area(member: npt.NDArray[np.bool_], scores: Floats) -> Values:
    """(items,), (items,) -> a function from weights (resamples, items) to areas; NaN where all or none are of the class."""
    order, first, last = _ties(scores)
    ours, others = order[member[order]], ~member[order]
    first, last = first[member[order]], last[member[order]]

    def values(weights: Floats) -> Floats:
        below = _sums_before(weights[:, order] * others)
        mine = weights[:, ours]
        return ratio((mine * (below[:, first] + below[:, last])).sum(1) / 2, mine.sum(1) * below[:, -1], np.nan)

    return values


def spearman(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Weighted:
    """Spearman's correlation: Pearson's of the ranks, ties at their mean rank. Not defined where either side is constant."""
    return Weighted(np.stack((np.asarray(truth, np.float64), np.asarray(predicted, np.float64)), 1), _rank_correlation)


def _rank_correlation(columns: Floats) -> Values:
    left, right = ranks(columns[:, 0]), ranks(columns[:, 1])

    def values(weights: Floats) -> Floats:
        middle = (weights.sum(1, keepdims=True) + 1) / 2  # the weighted mean of all ranks
        x, y = left(weights) - middle, right(weights) - middle
        weighted = weights * x
        spread = np.sqrt((weighted * x).sum(1) * (weights * y * y).sum(1))
        return ratio((weighted * y).sum(1), np.where(spread > 1e-9, spread, 0.0), np.nan)

    return values


def ranks(scores: Floats) -> Values:
    """(items,) -> a function from weights (resamples, items) to the rank of each item, from 1, ties at their mean rank."""
    order, first, last = _ties(scores)
    place = np.argsort(order)  # of each item in the order
    first, last = first[place], last[place]

    def values(weights: Floats) -> Floats:
        below = _sums_before(weights[:, order])
        found: Floats = (below[:, first] + below[:, last] + 1) / 2
        return found

    return values


def _ties(scores: Floats) -> tuple[Ints, Ints, Ints]:
    """(items,) each: the order from low to high, and for each place in it, where its run of equal scores begins and ends."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    return order, np.searchsorted(ordered, ordered, "left"), np.searchsorted(ordered, ordered, "right")


def _sums_before(weights: Floats) -> Floats:
    """(resamples, items) -> (resamples, items + 1): the sum of all before each place."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums

"""Metrics that depend on the order of all items, computed on weighted items so that a resample needs no new sorting.

A weight says how often an item counts; an item of weight 2 equals two items alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Ints, Weighted, ratio


def roc_auc(truth: npt.ArrayLike, probabilities: npt.ArrayLike, *, positive: int = 1) -> Weighted:
    """Area under the receiver operating curve: how often an item of a class has a higher score for it than one that is not of
    it, ties counting half. Two classes: of `positive`; more: each against the rest, mean over the classes that occur.

    `truth` (items,) class numbers; `probabilities` (items, classes). Not defined where only one class occurs.
    """
    table = np.asarray(probabilities, np.float64)
    classes = table.shape[1]
    columns = np.concatenate((np.asarray(truth, np.float64)[:, None], table), 1)
    if classes == 2:
        return Weighted(
            columns, lambda weights, rows: area(weights, rows[:, 0] == positive, rows[:, 1 + positive]), {"positive": positive}
        )

    def macro(weights: Floats, rows: Floats) -> Floats:
        areas = np.stack([area(weights, rows[:, 0] == number, rows[:, 1 + number]) for number in range(classes)])
        known = ~np.isnan(areas)
        return ratio(np.where(known, areas, 0).sum(0), known.sum(0).astype(np.float64), np.nan)

    return Weighted(columns, macro, {"average": "one-vs-rest macro"})


def area(weights: Floats, of_class: npt.NDArray[np.bool_], scores: Floats) -> Floats:
    """(resamples, items), (items,), (items,) -> (resamples,); NaN where all or none are of the class."""
    order, starts = _ties(scores)
    weights, member = weights[:, order], of_class[order]
    ours = np.add.reduceat(weights * member, starts, axis=1)
    others = np.add.reduceat(weights * ~member, starts, axis=1)
    below = np.cumsum(others, 1) - others
    return ratio((ours * (below + others / 2)).sum(1), ours.sum(1) * others.sum(1), np.nan)


def spearman(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Weighted:
    """Spearman's correlation: Pearson's of the ranks, ties at their mean rank. Not defined where either side is constant."""
    return Weighted(np.stack((np.asarray(truth, np.float64), np.asarray(predicted, np.float64)), 1), _rank_correlation)


def _rank_correlation(weights: Floats, columns: Floats) -> Floats:
    x, y = weighted_ranks(weights, columns[:, 0]), weighted_ranks(weights, columns[:, 1])
    middle = (weights.sum(1, keepdims=True) + 1) / 2  # the weighted mean of all ranks
    x -= middle
    y -= middle
    spread = np.sqrt((weights * x * x).sum(1) * (weights * y * y).sum(1))
    found: Floats = ratio((weights * x * y).sum(1), np.where(spread > 1e-9, spread, 0.0), np.nan)
    return found


def weighted_ranks(weights: Floats, values: Floats) -> Floats:
    """(resamples, items), (items,) -> (resamples, items): rank of each item, from 1; ties share the mean of their ranks."""
    order, starts = _ties(values)
    groups = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(groups, 1) - groups + (groups + 1) / 2
    lengths = np.diff(np.append(starts, len(order)))
    found = np.empty_like(weights)
    found[:, order] = np.repeat(ranks, lengths, axis=1)
    return found


def _ties(values: Floats) -> tuple[Ints, Ints]:
    """The order of (items,) from low to high, and where in it each run of equal values starts."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return order, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

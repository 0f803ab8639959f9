"""Metrics of classification, from how many items of each class are right, are of it, and were given it.

Functions take a confusion table `counts` (..., classes, classes), truth by row and prediction by column, or `Hits`. All work
over the leading axes at once, so a bootstrap is one call on (resamples, ...). Division by zero gives 0, as in scikit-learn.

A prediction of -1 is an answer that names no class: it is wrong, and counts as given to no class.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Ints, Sums, ratio

Average = Literal["macro", "micro", "weighted", "binary"]
Score = Literal["accuracy", "precision", "recall", "f1", "mcc"]


class Hits(NamedTuple):
    """(..., classes) each: items of the class that are right, that are of it, that were given it."""

    right: Floats
    true: Floats
    given: Floats


Counts = npt.ArrayLike | Hits


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Floats:
    """(items,) and (items,) class numbers -> (classes, classes) counts."""
    cells = np.asarray(truth, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def _hits(counts: Counts) -> Hits:
    if isinstance(counts, Hits):
        return counts
    array = np.asarray(counts, np.float64)
    return Hits(np.diagonal(array, axis1=-2, axis2=-1), array.sum(-1), array.sum(-2))


def accuracy(counts: Counts) -> Floats:
    """Share of items whose predicted class is the true one."""
    hits = _hits(counts)
    return ratio(hits.right.sum(-1), hits.true.sum(-1))


def precision(counts: Counts, average: Average, positive: int = 1) -> Floats:
    """Of the items given a class, the share that is of it."""
    hits = _hits(counts)
    return _averaged(hits.right, hits.given, hits, average, positive)


def recall(counts: Counts, average: Average, positive: int = 1) -> Floats:
    """Of the items of a class, the share that was given it."""
    hits = _hits(counts)
    return _averaged(hits.right, hits.true, hits, average, positive)


def f1(counts: Counts, average: Average, positive: int = 1) -> Floats:
    """Harmonic mean of precision and recall. `binary` is of the class `positive` alone: never the silent default."""
    hits = _hits(counts)
    return _averaged(2 * hits.right, hits.true + hits.given, hits, average, positive)


def _averaged(part: Floats, whole: Floats, hits: Hits, average: Average, positive: int) -> Floats:
    """macro: mean over the classes that occur in truth or predictions; weighted: mean over the items' true classes; micro:
    pooled; binary: one class."""
    if average == "micro":
        return ratio(part.sum(-1), whole.sum(-1))
    each = ratio(part, whole)
    if average == "binary":
        return each[..., positive]
    if average == "weighted":
        return ratio((each * hits.true).sum(-1), hits.true.sum(-1))
    present = (hits.true + hits.given) > 0
    return ratio((each * present).sum(-1), present.sum(-1).astype(np.float64))


def mcc(counts: Counts) -> Floats:
    """Matthews' correlation of truth and prediction, for any number of classes (Gorodkin 2004); 0 where undefined."""
    hits = _hits(counts)
    total = hits.true.sum(-1)
    unanswered = total - hits.given.sum(-1)  # a class of its own, which is never true
    covariance = hits.right.sum(-1) * total - (hits.true * hits.given).sum(-1)
    spread = (total**2 - (hits.true**2).sum(-1)) * (total**2 - (hits.given**2).sum(-1) - unanswered**2)
    found: Floats = np.divide(covariance, np.sqrt(spread), out=np.zeros_like(covariance), where=spread > 0)
    return found


def from_labels(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, *, classes: int, score: Score, average: Average = "macro", positive: int = 1
) -> Sums:
    """`score` of class numbers (items,) and (items,); `average` and `positive` are of precision, recall and F1."""
    wanted, found = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
    if score == "accuracy":
        table = np.array([[0.0, 1.0], [1.0, 1.0]])
        return Sums(table, lambda sums: ratio(sums[..., 0], sums[..., 1]), {}, (wanted == found).astype(np.int64), share=True)
    cells, kind = np.unique(wanted * (classes + 1) + found + 1, return_inverse=True)
    true, given = _one_hot(cells // (classes + 1), classes), _one_hot(cells % (classes + 1) - 1, classes)

    def statistic(sums: Floats) -> Floats:
        hits = Hits(*np.split(sums, 3, axis=-1))
        if score == "mcc":
            return mcc(hits)
        return {"precision": precision, "recall": recall, "f1": f1}[score](hits, average, positive)

    made = {} if score == "mcc" else {"average": average} | ({"positive": positive} if average == "binary" else {})
    return Sums(np.concatenate((true * given, true, given), 1), statistic, made, kind)


def _one_hot(numbers: Ints, classes: int) -> Floats:
    """(items,) -> (items, classes); a row of zeros for -1."""
    table: Floats = (numbers[:, None] == np.arange(classes)).astype(np.float64)
    return table

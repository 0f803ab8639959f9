"""Metrics of classification, from confusion counts.

`counts` has shape (..., classes, classes): truth by row, prediction by column. All functions work over the leading
axes at once, so a bootstrap is one call on (resamples, classes, classes). Division by zero gives 0, as in scikit-learn.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Average = Literal["macro", "micro", "binary"]
BINS = 15  # of the calibration error: Guo et al. 2017


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Floats:
    """(items,) and (items,) class numbers -> (classes, classes) counts."""
    cells = np.asarray(truth, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _hits(counts: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(..., classes): right, true and predicted items of each class."""
    array = np.asarray(counts, np.float64)
    return np.diagonal(array, axis1=-2, axis2=-1), array.sum(-1), array.sum(-2)


def accuracy(counts: npt.ArrayLike) -> Floats:
    """Share of items whose predicted class is the true one."""
    right, true, _ = _hits(counts)
    return _ratio(right.sum(-1), true.sum(-1))


def precision(counts: npt.ArrayLike, average: Average, positive: int = 1) -> Floats:
    """Of the items given a class, the share that is of it."""
    right, _, predicted = _hits(counts)
    return _averaged(right, predicted, counts, average, positive)


def recall(counts: npt.ArrayLike, average: Average, positive: int = 1) -> Floats:
    """Of the items of a class, the share that was given it."""
    right, true, _ = _hits(counts)
    return _averaged(right, true, counts, average, positive)


def f1(counts: npt.ArrayLike, average: Average, positive: int = 1) -> Floats:
    """Harmonic mean of precision and recall. `binary` is of the class `positive` alone: never the silent default."""
    right, true, predicted = _hits(counts)
    return _averaged(2 * right, true + predicted, counts, average, positive)


def _averaged(part: Floats, whole: Floats, counts: npt.ArrayLike, average: Average, positive: int) -> Floats:
    """macro: mean over the classes that occur in truth or predictions; micro: pooled; binary: one class."""
    if average == "micro":
        return _ratio(part.sum(-1), whole.sum(-1))
    each = _ratio(part, whole)
    if average == "binary":
        return each[..., positive]
    _, true, predicted = _hits(counts)
    present = (true + predicted) > 0
    return _ratio((each * present).sum(-1), present.sum(-1).astype(np.float64))


def mcc(counts: npt.ArrayLike) -> Floats:
    """Matthews' correlation of truth and prediction, for any number of classes (Gorodkin 2004); 0 where undefined."""
    right, true, predicted = _hits(counts)
    total = true.sum(-1)
    covariance = right.sum(-1) * total - (true * predicted).sum(-1)
    spread = (total**2 - (true**2).sum(-1)) * (total**2 - (predicted**2).sum(-1))
    found: Floats = np.divide(covariance, np.sqrt(spread), out=np.zeros_like(covariance), where=spread > 0)
    return found


def calibration_error(probabilities: npt.ArrayLike, truth: npt.ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over `bins` equal bins of confidence (lower, upper].

    `probabilities` (items, classes), `truth` (items,).
    """
    table = np.asarray(probabilities, np.float64)
    confidence = table.max(1)
    right = table.argmax(1) == np.asarray(truth)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(table), 1))


def brier(probabilities: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean squared distance of the probabilities from the truth, summed over the classes (0 to 2; Brier 1950)."""
    table = np.asarray(probabilities, np.float64)
    wanted = np.eye(table.shape[1])[np.asarray(truth, np.int64)]
    return float(((table - wanted) ** 2).sum(1).mean())

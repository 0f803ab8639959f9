"""Metrics of a classifier's probabilities: `truth` (items,) class numbers, `probabilities` (items, classes)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Sums, mean_of, ratio

BINS = 15  # of the calibration error: Guo et al. 2017
LEAST = float(np.finfo(np.float64).eps)  # a probability of 0 for what is true costs 36 nats, not infinitely many


def calibration_error(truth: npt.ArrayLike, probabilities: npt.ArrayLike, *, bins: int = BINS, positive: int = 1) -> Sums:
    """Expected calibration error: mean gap of confidence and accuracy over `bins` equal bins of confidence (lower, upper].

    The gaps count without their sign, so chance alone puts it above 0, and the more so the fewer items a bin has; `expected` is
    what a calibrated model of these confidences has (mean size of a normal gap with the variance of each bin).
    """
    table = np.asarray(probabilities, np.float64)
    confidence = table.max(1, initial=0)
    right = table.argmax(1) == np.asarray(truth) if len(table) else np.zeros(0)
    place = np.clip(np.ceil(np.nan_to_num(confidence) * bins).astype(np.int64) - 1, 0, bins - 1)
    inside = place[:, None] == np.arange(bins)
    gaps, variances = inside * (right - confidence)[:, None], inside * (confidence * (1 - confidence))[:, None]

    def statistic(sums: Floats) -> Floats:
        return ratio(np.abs(sums[..., :bins]).sum(-1), sums[..., -1], np.nan)

    def expected(sums: Floats) -> Floats:
        return ratio(np.sqrt(2 / np.pi * sums[..., bins : 2 * bins]).sum(-1), sums[..., -1], np.nan)

    rows = np.concatenate((gaps, variances, np.ones((len(table), 1))), 1)
    return Sums(rows, statistic, {"bins": bins}, expected=expected)


def brier(truth: npt.ArrayLike, probabilities: npt.ArrayLike, *, positive: int = 1) -> Sums:
    """Mean squared distance of the probabilities from the truth, summed over the classes (0 to 2; Brier 1950)."""
    table = np.asarray(probabilities, np.float64)
    wanted = np.asarray(truth, np.int64)[:, None] == np.arange(table.shape[1])
    return mean_of(((table - wanted) ** 2).sum(1), {"sum": "classes"})


def log_loss(truth: npt.ArrayLike, probabilities: npt.ArrayLike, *, positive: int = 1) -> Sums:
    """Mean negative logarithm, in nats, of the probability of the true class, which is taken as 2.2e-16 at least."""
    table = np.asarray(probabilities, np.float64)
    chosen = table[np.arange(len(table)), np.asarray(truth, np.int64)]
    return mean_of(-np.log(np.clip(chosen, LEAST, 1)), {"least": f"{LEAST:.2g}"})

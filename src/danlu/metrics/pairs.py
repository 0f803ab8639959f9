"""Minimal pairs: how often the acceptable sentence is the likelier one (BLiMP, arXiv 1912.00582)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Sums, mean_of


def pairs(good: npt.ArrayLike, bad: npt.ArrayLike) -> Sums:
    """`good` and `bad` (items,): log-probabilities of the acceptable sentences and of the others. Equal ones are not right."""
    first, second = np.asarray(good, np.float64), np.asarray(bad, np.float64)
    known = np.isfinite(first) & np.isfinite(second)
    return mean_of(np.where(known, first > second, np.nan), {"tie": "wrong"}, share=True)

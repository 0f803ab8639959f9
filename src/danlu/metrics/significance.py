"""Tests of whether two models differ on the same items, and the correction where many are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from danlu.metrics.bootstrap import BLOCK, paired_rows
from danlu.metrics.items import Floats, Ints, Sums, weighted_sums

TIE = 1e-12  # differences closer than this are the same: sums of the same numbers in another order


def mcnemar(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Two-sided exact p of McNemar's test (1947). `a` and `b` (items,): right (1) or not (0), on the same items.

    Only items that one model has right and the other wrong tell anything: were the models alike, each way would be a fair coin.
    """
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    ahead, behind = int((left > right).sum()), int((left < right).sum())
    return float(stats.binomtest(ahead, ahead + behind, 0.5).pvalue) if ahead + behind else 1.0


def permutation(
    a: Sums, b: Sums, random: np.random.Generator, *, clusters: Ints | None = None, permutations: int = 1000
) -> float:
    """Two-sided p of approximate randomisation (Noreen 1989): were the models alike, swapping their results on any of the items
    (or `clusters` of them, each as a whole) would change nothing. The share of swaps whose difference is as large as the one
    seen, which itself counts as one: so it is 1 / (permutations + 1) at least, and holds its error rate at any number of items.
    """
    if clusters is not None:
        a, b = a.grouped(clusters), b.grouped(clusters)
    left, right, counts = paired_rows(a, b)
    many = np.ones(len(left), np.int64) if counts is None else counts
    size = len(left)
    ours, others = weighted_sums(many[None], left), weighted_sums(many[None], right)
    seen = float(abs(a.statistic(ours) - a.statistic(others))[0])
    step = max(1, BLOCK // max(size, 1))
    as_large = 0
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        coins = random.integers(0, 2, (rows, size), np.uint8) if counts is None else random.binomial(counts, 0.5, (rows, size))
        moved = weighted_sums(coins, right - left)
        gaps: Floats = np.abs(a.statistic(ours + moved) - a.statistic(others - moved))
        as_large += int((~(gaps < seen - TIE * max(1.0, seen))).sum())
    return (as_large + 1) / (permutations + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of each test (Holm 1979): if all below a level are called differences, the chance that any of them is none
    stays below that level, whatever their dependence."""
    order = sorted(range(len(p)), key=lambda place: p[place])
    adjusted, most = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = most
    return adjusted

"""Tests of whether two models differ on the same items, and the correction where many are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from danlu.metrics.bootstrap import BLOCK, paired_rows
from danlu.metrics.items import Floats, Ints, Sums, weighted_sums

TAIL = 3.18  # 1 / (4 P(Z > √2)), the best such number: Bentkus and Dzindzalieta 2015, doi 10.3150/13-BEJ564
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
    seen, which itself counts as one; so it holds its error rate at any number of items.

    Where no swap is as large, that share is 1 / (permutations + 1) however far the models are apart, and would be no difference
    once some fifty comparisons are corrected for. There the tail tells how small: a sum of items with coins for signs
    is beyond z of its own standard deviations at most `TAIL` times as often as a normal variable (for a metric that is no sum,
    about so). It is at least what the coins of the items that differ can show.
    """
    if clusters is not None:
        a, b = a.grouped(clusters), b.grouped(clusters)
    left, right, counts = paired_rows(a, b)
    many = np.ones(len(left), np.int64) if counts is None else counts
    size = len(left)
    ours, others = weighted_sums(many[None], left), weighted_sums(many[None], right)
    seen = float(abs(a.statistic(ours) - a.statistic(others))[0])
    step = max(1, BLOCK // max(size, 1))
    as_large, squares = 0, 0.0
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        coins = random.integers(0, 2, (rows, size), np.uint8) if counts is None else random.binomial(counts, 0.5, (rows, size))
        moved = weighted_sums(coins, right - left)
        gaps: Floats = np.abs(a.statistic(ours + moved) - a.statistic(others - moved))
        as_large += int((~(gaps < seen - TIE * max(1.0, seen))).sum())
        squares += float((gaps**2).sum())
    share = (as_large + 1) / (permutations + 1)
    if as_large or not squares:
        return share
    differ = int(many[(left != right).any(1)].sum())
    tail = 2 * TAIL * float(stats.norm.sf(seen / math.sqrt(squares / permutations)))
    return min(share, max(tail, 2.0 ** (1 - differ)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of each test (Holm 1979): if all below a level are called differences, the chance that any of them is none
    stays below that level, whatever their dependence."""
    order = sorted(range(len(p)), key=lambda place: p[place])
    adjusted, most = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = most
    return adjusted

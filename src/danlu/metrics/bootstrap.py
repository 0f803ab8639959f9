"""Bootstrap intervals over items, vectorised, with a counter-based seed.

Every statistic used here is a function of sums over items: accuracy of (right, 1), bits per byte of (nats, bytes), F1 of
the one-hot cells of the confusion table, a paired difference of the columns of both models side by side. So one
function serves all: `values` (items, columns) and `statistic` from (..., columns) sums to (...) numbers. Items are what
was drawn independently: documents for bits per byte (a ratio of sums), never tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.metrics.number import Estimate
from danlu.workspace.digest import digest_json

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
Method = Literal["percentile", "bca"]
FEW = 256  # distinct items up to which resamples are drawn as multinomial counts, which is the same distribution
BLOCK = 1 << 22  # item draws at a time: 32 MB of indexes


def generator(seed: int, *names: str) -> np.random.Generator:
    """A counter-based generator (Philox) whose stream is fixed by the seed and the names of what is being estimated."""
    return np.random.Generator(np.random.Philox(key=int(digest_json([seed, *names]), 16)))


def resampled_sums(
    values: npt.ArrayLike, resamples: int, random: np.random.Generator, counts: npt.ArrayLike | None = None
) -> Floats:
    """(items, columns) -> (resamples, columns): column sums of `items` items drawn with replacement, each time anew.

    With `counts` (kinds,), row k of `values` stands for `counts[k]` items that are alike.
    """
    table = np.asarray(values, np.float64)
    kinds, many = (table, np.asarray(counts)) if counts is not None else np.unique(table, axis=0, return_counts=True)
    items = int(many.sum())
    if counts is not None or len(kinds) <= FEW:
        return _sums(random.multinomial(items, many / items, size=resamples), kinds)
    sums = np.empty((resamples, table.shape[1]))
    step = max(1, BLOCK // items)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(0, items, size=(rows, items)) + np.arange(rows)[:, None] * items
        weights = np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items)
        sums[start : start + rows] = _sums(weights, table)
    return sums


def _sums(weights: npt.NDArray[np.integer], values: Floats) -> Floats:
    """(resamples, items) weights and (items, columns) -> (resamples, columns). Not by BLAS: its last bits depend on threads."""
    sums: Floats = np.einsum("ri,ic->rc", weights.astype(np.float64), values, optimize=False)
    return sums


def bootstrap(
    values: npt.ArrayLike, statistic: Statistic, random: np.random.Generator, *,
    counts: npt.ArrayLike | None = None, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> Estimate:  # fmt: skip
    """Value and interval of `statistic` over items. `bca` corrects bias and skew (Efron 1987); it falls back to
    `percentile` where it is undefined (all resamples on one side, no spread)."""
    sample = _Sample.of(values, counts)
    value, draws = _draw(sample, statistic, random, resamples)
    low, high = interval(draws, confidence, *(_bca(sample, statistic, value, draws) if method == "bca" else (0.0, 0.0)))
    return Estimate(value, low, high)


def paired_bootstrap(
    a: npt.ArrayLike, b: npt.ArrayLike, statistic: Statistic, random: np.random.Generator, *,
    resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> tuple[Estimate, float]:  # fmt: skip
    """The difference `a` less `b` on the same items, with interval, and its two-sided p (share of resamples on the other
    side of 0, doubled; at least 2 / (resamples + 1), since so many draws cannot show less)."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    columns = left.shape[1]

    def difference(sums: Floats) -> Floats:
        return statistic(sums[..., :columns]) - statistic(sums[..., columns:])

    sample = _Sample.of(np.concatenate((left, right), axis=1), None)
    value, draws = _draw(sample, difference, random, resamples)
    low, high = interval(draws, confidence, *(_bca(sample, difference, value, draws) if method == "bca" else (0.0, 0.0)))
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return Estimate(value, low, high), min(1.0, 2 * (beyond + 1) / (resamples + 1))


class _Sample(NamedTuple):
    """(rows, columns) values, and how many items each row stands for; `given` where the caller grouped them."""

    values: Floats
    counts: npt.NDArray[np.int64]
    given: bool

    @classmethod
    def of(cls, values: npt.ArrayLike, counts: npt.ArrayLike | None) -> _Sample:
        table = np.asarray(values, np.float64)
        return cls(table, np.ones(len(table), np.int64) if counts is None else np.asarray(counts, np.int64), counts is not None)

    def total(self) -> Floats:
        total: Floats = _sums(self.counts[None], self.values)[0]
        return total


def _draw(sample: _Sample, statistic: Statistic, random: np.random.Generator, resamples: int) -> tuple[float, Floats]:
    sums = resampled_sums(sample.values, resamples, random, sample.counts if sample.given else None)
    return float(statistic(sample.total())), statistic(sums)


def interval(draws: Floats, confidence: float, bias: float = 0.0, acceleration: float = 0.0) -> tuple[float, float]:
    """The quantiles of `draws` that hold `confidence` of them; with BCa's bias and acceleration, the shifted ones."""
    normal = NormalDist()
    bounds = []
    for level in ((1 - confidence) / 2, (1 + confidence) / 2):
        if not 0 < level < 1:
            bounds.append(level)
            continue
        shifted = bias + normal.inv_cdf(level)
        room = 1 - acceleration * shifted
        bounds.append(normal.cdf(bias + shifted / room) if room > 0 else level)
    low, high = np.quantile(draws, bounds)
    return float(low), float(high)


def _bca(sample: _Sample, statistic: Statistic, value: float, draws: Floats) -> tuple[float, float]:
    """Bias: how far the resamples' median is from the value; acceleration: skew of the leave-one-out values (jackknife)."""
    below = float((draws < value).mean() + (draws == value).mean() / 2)  # ties: many for small counts
    items = int(sample.counts.sum())
    if not 0 < below < 1 or items < 3:
        return 0.0, 0.0
    without = statistic(sample.total() - sample.values)
    gaps = (sample.counts * without).sum() / items - without
    spread = float((sample.counts * gaps**2).sum())
    acceleration = float((sample.counts * gaps**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    return NormalDist().inv_cdf(below), acceleration if math.isfinite(acceleration) else 0.0


def wilson(successes: float, items: int, confidence: float = 0.95) -> Estimate:
    """A share with Wilson's interval (1927). For shares it covers better than a bootstrap, and where all items are right
    (or none), where every resample is the same, it still has a width."""
    if not items:
        return Estimate(0.0, 0.0, 1.0)
    share = successes / items
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))

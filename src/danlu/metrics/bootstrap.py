"""Bootstrap intervals over items, vectorised, with a counter-based seed.

Most metrics are functions of sums over items: accuracy of (right, 1), bits per byte of (nats, bytes), F1 of the one-hot cells
of the confusion table, a paired difference of the columns of both models side by side. So one function serves them all:
`values` (items, columns) and `statistic` from (..., columns) sums to (...) numbers. Items are what was drawn independently:
documents for bits per byte (a ratio of sums), never tokens. `estimate` and `difference` do the same for `Items` of any metric.

Of few items a bootstrap's interval is too narrow, for it knows no spread but theirs. So its quantiles are those of Student's t
(the expanded interval of Hesterberg 2015, doi 10.1080/00031305.2015.1089789), and there is none of fewer than `FEWEST`, nor
where all resamples are alike: a width of 0 would claim what no sample can show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from danlu.metrics.items import Floats, Ints, Items, Statistic, Sums, Weighted, weighted_sums
from danlu.metrics.number import Estimate
from danlu.metrics.paired import score_difference, score_p
from danlu.workspace.digest import digest_json

Method = Literal["percentile", "bca"]
FEW = 256  # distinct items up to which resamples are drawn as multinomial counts, which is the same distribution
BLOCK = 1 << 22  # item draws at a time: 32 MB of indexes
FEWEST = 5  # items, or clusters of them, below which a bootstrap gives no interval
ALIKE = 1e-12  # resamples that differ by less of their size are the same: sums of the same numbers in another order
SEEN = 10  # resamples on the other side of 0, from which on their share is p; of fewer it would be a matter of luck
CACHE = 1 << 16  # weights at a time where they are read again and again: 512 KB


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
        return weighted_sums(random.multinomial(items, many / items, size=resamples), kinds)
    return np.concatenate([weighted_sums(weights, table) for weights in drawn(items, resamples, random)])


def drawn(items: int, resamples: int, random: np.random.Generator) -> Iterator[Ints]:
    """How often each item is in each resample, (resamples, items), in blocks of resamples."""
    step = max(1, BLOCK // items)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        places = random.integers(0, items, size=(rows, items)) + np.arange(rows)[:, None] * items
        yield np.bincount(places.ravel(), minlength=rows * items).reshape(rows, items)


def bootstrap(
    values: npt.ArrayLike, statistic: Statistic, random: np.random.Generator, *,
    counts: npt.ArrayLike | None = None, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> Estimate:  # fmt: skip
    """Value and interval of `statistic` over items. `bca` corrects bias and skew (Efron 1987); it falls back to
    `percentile` where it is undefined (all resamples on one side)."""
    sample = _Sample.of(values, counts)
    value, draws = _draw(sample, statistic, random, resamples)
    corrected = _bca(sample, statistic, value, draws) if method == "bca" else (0.0, 0.0)
    return Estimate(value, *interval(draws, confidence, *corrected, units=sample.items()))


def paired_bootstrap(
    a: npt.ArrayLike, b: npt.ArrayLike, statistic: Statistic, random: np.random.Generator, *,
    counts: npt.ArrayLike | None = None, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> tuple[Estimate, float]:  # fmt: skip
    """The difference `a` less `b` on the same items, with interval, and its two-sided p (`_two_sided`)."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    columns = left.shape[1]

    def difference(sums: Floats) -> Floats:
        return statistic(sums[..., :columns]) - statistic(sums[..., columns:])

    sample = _Sample.of(np.concatenate((left, right), axis=1), counts)
    value, draws = _draw(sample, difference, random, resamples)
    corrected = _bca(sample, difference, value, draws) if method == "bca" else (0.0, 0.0)
    found = Estimate(value, *interval(draws, confidence, *corrected, units=sample.items()))
    return found, _two_sided(draws, value, sample.items())


def _two_sided(draws: Floats, value: float, units: int) -> float:
    """p of no difference: twice the share of resamples on the other side of 0. Fewer than `SEEN` are too few to count, and none
    could be corrected for many comparisons: there it is Student's tail at `value`, with their spread on that side.
    At least 2 / 2^units, which is what the signs of so many differences can show.
    """
    draws = draws[~np.isnan(draws)]
    if units < 2 or not len(draws) or not value:
        return 1.0
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = 2 * (max(beyond, SEEN) + 1) / (len(draws) + 1)
    if beyond < SEEN:
        nearer = draws[(draws - value) * value < 0] - value
        spread = math.sqrt(float((nearer**2).mean()) * units / (units - 1)) if len(nearer) else 0.0
        p = min(p, 2 * float(stdtr(units - 1, -abs(value) / spread)) if spread > 0 else 0.0)
    return min(1.0, max(p, 2.0 ** (1 - units)))


def estimate(
    items: Items, random: np.random.Generator, *, clusters: Ints | None = None,
    resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> Estimate:  # fmt: skip
    """Value and interval of a metric on `items`: Wilson's for a share, else the bootstrap (percentiles where it is `Weighted`).

    With `clusters` (items,), such as documents, all items of a cluster are drawn together. NaN: the metric is not defined
    on these items, or, of the bounds, on less than half of the resamples; or there is no interval (see `interval`, `Sums`).
    """
    if not len(items) or not items.finite():
        return Estimate(math.nan, math.nan, math.nan)
    if isinstance(items, Weighted):
        statistic = items.statistic(items.columns)
        draws = np.concatenate([statistic(weights) for weights in _weights(len(items), clusters, resamples, random)])
        return Estimate(items.value(), *interval(draws, confidence, units=units_of(items, clusters)))
    if items.expected is not None:
        return Estimate(items.value(), math.nan, math.nan)
    if clusters is not None:
        items = items.grouped(clusters)
    if items.share:
        return wilson(float(items.rows()[:, 0].sum()), len(items), confidence)
    table, counts = _counted(items)
    return bootstrap(table, items.statistic, random, counts=counts, resamples=resamples, confidence=confidence, method=method)


def units_of(items: Items, clusters: Ints | None) -> int:
    """How many were drawn independently: items, or clusters of them."""
    return len(items) if clusters is None else len(np.unique(clusters))


def difference(
    a: Items, b: Items, random: np.random.Generator, *, clusters: Ints | None = None,
    resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> tuple[Estimate, float]:  # fmt: skip
    """`a` less `b` on the same items in the same order, with interval, and the two-sided p of `paired_bootstrap`; of shares,
    Tango's interval and the p of the score test. All NaN where either has no value."""
    if len(a) != len(b) or type(a) is not type(b):
        raise ValueError(f"{len(a)} and {len(b)} items of {type(a).__name__} and {type(b).__name__} are not the same items")
    if not len(a) or not (a.finite() and b.finite()) or math.isnan(a.value() - b.value()):
        return Estimate(math.nan, math.nan, math.nan), math.nan
    if isinstance(a, Weighted) and isinstance(b, Weighted):
        left, right = a.statistic(a.columns), b.statistic(b.columns)
        draws = np.concatenate([left(weights) - right(weights) for weights in _weights(len(a), clusters, resamples, random)])
        value, units = a.value() - b.value(), units_of(a, clusters)
        return Estimate(value, *interval(draws, confidence, units=units)), _two_sided(draws, value, units)
    assert isinstance(a, Sums)
    assert isinstance(b, Sums)
    if clusters is not None:
        a, b = a.grouped(clusters), b.grouped(clusters)
    if a.share and b.share:
        gaps = a.each() - b.each()
        ahead, behind = int((gaps > 0).sum()), int((gaps < 0).sum())
        return score_difference(ahead, behind, len(a), confidence), score_p(ahead, behind)
    rows, others, counts = paired_rows(a, b)
    found, p = paired_bootstrap(
        rows, others, a.statistic, random, counts=counts, resamples=resamples, confidence=confidence, method=method
    )
    return (found if a.expected is None else Estimate(found.value, math.nan, math.nan)), p


def _weights(items: int, clusters: Ints | None, resamples: int, random: np.random.Generator) -> Iterator[Floats]:
    """(resamples, items) in blocks that the processor's cache holds; items of a cluster have the weight of the cluster."""
    found, place = (np.empty(items), None) if clusters is None else np.unique(clusters, return_inverse=True)
    step = max(1, CACHE // items)
    for block in drawn(len(found), resamples, random):
        for start in range(0, len(block), step):
            weights = block[start : start + step].astype(np.float64)
            yield weights if place is None else weights[:, place]


def _counted(items: Sums) -> tuple[Floats, Ints | None]:
    """The rows that occur and how often, or the rows of the items one by one."""
    if items.kind is None:
        return items.table, None
    kinds, counts = np.unique(items.kind, return_counts=True)
    return items.table[kinds], counts


def paired_rows(a: Sums, b: Sums) -> tuple[Floats, Floats, Ints | None]:
    """The rows of both models, side by side, and how many items each pair of rows stands for (none: one)."""
    if a.kind is None or b.kind is None:
        return a.rows(), b.rows(), None
    pairs, counts = np.unique(a.kind * len(b.table) + b.kind, return_counts=True)
    return a.table[pairs // len(b.table)], b.table[pairs % len(b.table)], counts


class _Sample(NamedTuple):
    """(rows, columns) values, and how many items each row stands for; `given` where the caller grouped them."""

    values: Floats
    counts: npt.NDArray[np.int64]
    given: bool

    @classmethod
    def of(cls, values: npt.ArrayLike, counts: npt.ArrayLike | None) -> _Sample:
        table = np.asarray(values, np.float64)
        return cls(table, np.ones(len(table), np.int64) if counts is None else np.asarray(counts, np.int64), counts is not None)

    def items(self) -> int:
        return int(self.counts.sum())

    def total(self) -> Floats:
        total: Floats = weighted_sums(self.counts[None], self.values)[0]
        return total


def _draw(sample: _Sample, statistic: Statistic, random: np.random.Generator, resamples: int) -> tuple[float, Floats]:
    sums = resampled_sums(sample.values, resamples, random, sample.counts if sample.given else None)
    return float(statistic(sample.total())), statistic(sums)


def interval(
    draws: Floats, confidence: float, bias: float = 0.0, acceleration: float = 0.0, *, units: int | None = None
) -> tuple[float, float]:
    """The quantiles of `draws` that hold `confidence` of them; with BCa's bias and acceleration, the shifted; with `units`, how
    many items were drawn, widened as Student's t is wider than the normal (all at a confidence of 0.95: at 5 from the
    quantile .001 on, at 20 from .016, at 1000 from .025).

    NaN draws, where the statistic was not defined on a resample, are left out; where they are most, so is the interval. NaN
    also where `units` are fewer than `FEWEST` and where all draws are alike.
    """
    missing = np.isnan(draws)
    if 2 * missing.sum() > len(draws) or (units is not None and units < FEWEST):
        return math.nan, math.nan
    known = draws[~missing] if missing.any() else draws
    if np.ptp(known) <= ALIKE * np.abs(known).max():
        return math.nan, math.nan
    normal = NormalDist()
    bounds = []
    for level in ((1 - confidence) / 2, (1 + confidence) / 2):
        if not 0 < level < 1:
            bounds.append(level)
            continue
        wide = normal.inv_cdf(level) if units is None else float(stdtrit(units - 1, level)) * math.sqrt(units / (units - 1))
        shifted = bias + wide
        room = 1 - acceleration * shifted
        bounds.append(normal.cdf(bias + shifted / room) if room > 0 else level)
    low, high = np.quantile(known, bounds)
    return float(low), float(high)


def _bca(sample: _Sample, statistic: Statistic, value: float, draws: Floats) -> tuple[float, float]:
    """Bias: how far the resamples' median is from the value; acceleration: skew of the leave-one-out values (jackknife)."""
    below = float((draws < value).mean() + (draws == value).mean() / 2)  # ties: many for small counts
    items = sample.items()
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

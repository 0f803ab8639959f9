"""What a model did on each item, in the form that a value, its interval and a comparison are all computed from.

`Sums`: the metric is a function of sums over items, such as BLEU of n-gram counts or F1 of right, given and true.
`Weighted`: the metric needs the order of all items, such as an area under a curve, and takes how often each item counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Sums:
    """`table` (kinds, columns) and `kind` (items,), the row of each item (none: row i is item i).

    `statistic` takes sums of rows (..., columns) to values (...), NaN where there is none. `share`: it is column 0 over
    column 1, which are 0 or 1 and 1. `made` is what could change the values, for the signature. `expected`, of sums too: of a
    metric that chance alone puts above 0, what it is for a perfect model on such items. Drawing again adds that chance once
    more, so such a metric has no interval.
    """

    table: Floats
    statistic: Statistic
    made: Mapping[str, object] = field(default_factory=dict)
    kind: Ints | None = None
    share: bool = False
    expected: Statistic | None = None

    def __len__(self) -> int:
        return len(self.table) if self.kind is None else len(self.kind)

    def take(self, which: Mask | Ints) -> Sums:
        """The items at `which`, a mask or places."""
        if self.kind is None:
            return replace(self, table=self.table[which])
        return replace(self, kind=self.kind[which])

    def rows(self) -> Floats:
        """(items, columns)."""
        return self.table if self.kind is None else self.table[self.kind]

    def finite(self) -> bool:
        return bool(np.isfinite(self.table).all())

    def value(self) -> float:
        kind = np.arange(len(self.table)) if self.kind is None else self.kind
        counts = np.bincount(kind, minlength=len(self.table))
        return float(self.statistic(weighted_sums(counts[None], self.table)[0]))

    def chance(self) -> float | None:
        """What the metric is expected to be for a perfect model on these items, where that is not its best value."""
        return None if self.expected is None else float(self.expected(self.rows().sum(0)))

    def each(self) -> Floats:
        """(items,) the metric of each item alone."""
        return self.statistic(self.table) if self.kind is None else self.statistic(self.table)[self.kind]

    def grouped(self, groups: Ints) -> Sums:
        """One row for each of `groups` (items,): the sum of its items, which are resampled together."""
        found, place = np.unique(groups, return_inverse=True)
        sums = np.zeros((len(found), self.table.shape[1]))
        np.add.at(sums, place, self.rows())
        return replace(self, table=sums, kind=None, share=False)


@dataclass(frozen=True)
class Weighted:
    """`columns` (items, columns). `statistic` takes them, sorts once, and gives a function from weights (resamples, items), how
    often each item counts, to values (resamples,), NaN where there is none."""

    columns: Floats
    statistic: Callable[[Floats], Callable[[Floats], Floats]]
    made: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, which: Mask | Ints) -> Weighted:
        return replace(self, columns=self.columns[which])

    def finite(self) -> bool:
        return bool(np.isfinite(self.columns).all())

    def value(self) -> float:
        return float(self.statistic(self.columns)(np.ones((1, len(self))))[0])


Items: TypeAlias = Sums | Weighted


def weighted_sums(weights: npt.NDArray[np.integer], values: Floats) -> Floats:
    """(resamples, items) weights and (items, columns) -> (resamples, columns). Not by BLAS: its last bits depend on threads."""
    sums: Floats = np.einsum("ri,ic->rc", weights.astype(np.float64), values, optimize=False)
    return sums


def ratio(part: Floats, whole: Floats, empty: float = 0.0) -> Floats:
    """part / whole, `empty` where whole is 0; NaN stays NaN."""
    shape = np.broadcast(part, whole).shape
    found: Floats = np.divide(part, whole, out=np.full(shape, empty), where=np.asarray(whole) != 0)
    return found


def mean_of(values: npt.ArrayLike, made: Mapping[str, object], share: bool = False) -> Sums:
    """The mean of a value of each item, (items,)."""
    array = np.asarray(values, np.float64)
    return Sums(np.stack((array, np.ones(len(array))), 1), mean, made, share=share)


def mean(sums: Floats) -> Floats:
    """Column 0 over column 1."""
    return ratio(sums[..., 0], sums[..., 1], np.nan)

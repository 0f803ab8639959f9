"""Which of two models is better on the same items, by how much, on which items; and the sentence that says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from danlu.metrics.bootstrap import Method, difference, generator
from danlu.metrics.items import Ints, Items, Sums, Weighted
from danlu.metrics.number import Estimate, rounded, signature
from danlu.metrics.registry import METRICS
from danlu.metrics.significance import holm, mcnemar, permutation
from danlu.metrics.words import amount, where
from danlu.workspace.sentences import Message, message

Verdict = Literal["better", "worse", "none"]
Test = Literal["bootstrap", "permutation", "mcnemar"]


@dataclass(frozen=True)
class Comparison:
    """`a` against `b`: `difference` is a's value less b's, in the metric's own direction and unit; NaN where one has none.

    `adjusted` is p after the correction for `family` comparisons, and `level` what it must stay below.
    """

    metric: str
    a: str
    b: str
    difference: Estimate
    p: float
    count: int
    slice: Mapping[str, str]
    signature: str = ""
    adjusted: float | None = None
    family: int = 1
    level: float = 0.05

    @property
    def verdict(self) -> Verdict:
        """`better`: a is better than b, and the whole interval says so, and p after correction; `none`: it is not shown."""
        if self.adjusted is not None and self.adjusted > self.level:
            return "none"
        return "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "none"

    @property
    def gain(self) -> Estimate:
        """The difference turned so that more is better for a."""
        value, low, high = self.difference
        return self.difference if METRICS[self.metric].better == "higher" else Estimate(-value, -high, -low)

    def not_worse(self, margin: float) -> bool:
        """Non-inferiority: the interval rules out that a is worse than b by `margin` (in the metric's unit) or more."""
        return self.gain.low > -margin

    def sentence(self) -> Message:
        if math.isnan(self.difference.value):
            key = "metrics.compare.undefined"
        elif self.verdict == "none" and self.difference.value and self.difference.low == self.difference.high:
            key = "metrics.compare.few"  # every item says the same, yet there are too few for p to be small
        else:
            key = "metrics.compare.none" if self.verdict == "none" else "metrics.compare.better"
        found = message(key, **self._words())
        return found if self.family < 2 else message("metrics.compare.corrected", sentence=found, family=self.family)

    def margin_sentence(self, margin: float) -> Message:
        """Whether a is not worse than b by `margin` or more."""
        key = "metrics.compare.not_worse" if self.not_worse(margin) else "metrics.compare.maybe_worse"
        words = self._words() | {"winner": self.a, "loser": self.b}
        worst = amount(max(0.0, -self.gain.low), METRICS[self.metric].unit)
        return message(key, **words, margin=amount(margin, METRICS[self.metric].unit), worst=worst)

    def _words(self) -> dict[str, object]:
        unit = METRICS[self.metric].unit
        (value, low, high), winner, loser = self.gain, self.a, self.b
        if self.verdict == "worse":
            (value, low, high), winner, loser = (-value, -high, -low), self.b, self.a
        return {
            "winner": winner, "loser": loser, "where": where(self.slice), "metric": message(f"metrics.{self.metric}.name"),
            "value": amount(value, unit), "low": amount(low, unit), "high": amount(high, unit),
            "unit": message(f"metrics.unit.{unit}"),
        }  # fmt: skip

    def part(self) -> Message:
        """The comparison as a part of the sentence of `summary`."""
        key = "metrics.compare.part.none" if self.verdict == "none" else "metrics.compare.part.better"
        return message(key, **self._words())

    def to_json(self) -> dict[str, Any]:
        found = {
            "metric": self.metric,
            "a": self.a,
            "b": self.b,
            "difference": _finite(self.difference.value),
            "interval": None if math.isnan(self.difference.low) else [_finite(bound) for bound in self.difference[1:]],
            "p": _finite(self.p),
            "count": self.count,
            "slice": dict(sorted(self.slice.items())),
            "verdict": self.verdict,
            "sentence": self.sentence(),
            "signature": self.signature,
        }
        return found if self.adjusted is None else found | {"adjusted": rounded(self.adjusted), "family": self.family}


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else rounded(value)


def compare_items(
    metric: str, names: tuple[str, str], a: Items, b: Items, *, slice: Mapping[str, str], clusters: Ints | None = None,
    test: Test = "bootstrap", seed: int = 0, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> Comparison:  # fmt: skip
    """Paired comparison of two models on the same items in the same order.

    The interval is the bootstrap's, over items or over `clusters` of them; p is of `test`: the bootstrap's own; `permutation`,
    which holds its error rate for any metric of sums; `mcnemar`, which is exact for shares (accuracy, exact match) of
    independent items. ValueError where the test does not fit the metric.
    """
    random = generator(seed, "compare", metric, *names, *(f"{key}={value}" for key, value in sorted(slice.items())))
    found, p = difference(a, b, random, clusters=clusters, resamples=resamples, confidence=confidence, method=method)
    if test != "bootstrap" and not math.isnan(p):
        if isinstance(a, Weighted) or isinstance(b, Weighted) or (test == "mcnemar" and (not a.share or clusters is not None)):
            raise ValueError(f"{test} does not fit {metric}")
        p = (
            mcnemar(a.each(), b.each())
            if test == "mcnemar"
            else permutation(a, b, random, clusters=clusters, permutations=resamples)
        )
    made = signature(
        paired="items" if clusters is None else "clusters", interval="percentile" if isinstance(a, Weighted) else method,
        resamples=resamples, confidence=confidence, seed=seed, **({} if test == "bootstrap" else {"test": test}),
    )  # fmt: skip
    return Comparison(metric, *names, found, p, len(a), slice, made, level=round(1 - confidence, 10))


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same with p adjusted by Holm for how many there are; those without a value stay as they are and do not count."""
    known = [found for found in comparisons if not math.isnan(found.p)]
    adjusted = iter(holm([found.p for found in known]))
    return [
        found if math.isnan(found.p) else replace(found, adjusted=next(adjusted), family=len(known)) for found in comparisons
    ]


def summary(comparisons: Sequence[Comparison]) -> Message:
    """One sentence for one metric of the same two models on several parts of the data."""
    first = comparisons[0]
    parts = comparisons[-1].part()
    for found in reversed(comparisons[:-1]):
        parts = message("metrics.compare.and", first=found.part(), rest=parts)
    return message("metrics.compare.summary", a=first.a, b=first.b, metric=message(f"metrics.{first.metric}.name"), parts=parts)


class Disagreement(NamedTuple):
    """Places of the items on which one model does better, those with the largest gap first."""

    a: Ints
    b: Ints


def disagreements(metric: str, a: Sums, b: Sums) -> Disagreement:
    """On which items `a` does better than `b`, and the other way, by the metric of each item alone."""
    gaps = np.nan_to_num(a.each() - b.each()) * (1 if METRICS[metric].better == "higher" else -1)
    order = np.argsort(-np.abs(gaps), kind="stable")
    return Disagreement(order[gaps[order] > 0], order[gaps[order] < 0])

"""Which of two models is better on the same items, by how much, on which items; and the sentence that says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from danlu.metrics.bootstrap import Method, difference, generator, paired_rows
from danlu.metrics.items import Ints, Items, Sums, Weighted
from danlu.metrics.measure import interval_signature
from danlu.metrics.number import Estimate, rounded, signature
from danlu.metrics.registry import METRICS
from danlu.metrics.significance import holm, mcnemar, permutation
from danlu.metrics.words import amount, where
from danlu.workspace.sentences import Message, message

DIFFERENCES = 10  # between two models, from which on a bootstrap of them says what they may be worse by
TAIL_DRAWS = 20  # resamples beyond an interval, at both its ends together
Verdict = Literal["better", "worse", "none"]
Test = Literal["bootstrap", "permutation", "mcnemar"]


@dataclass(frozen=True)
class Comparison:
    """`a` against `b`: `difference` is a's value less b's, in the metric's own direction and unit; NaN where one has none.

    `adjusted` is p after the correction for `family` comparisons, and `level` what it must stay below. `differ`: on how many
    items, or clusters of them, the two differ, where an interval is drawn from those alone (none: it is not).
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
    differ: int | None = None

    @property
    def verdict(self) -> Verdict:
        """`better`: a is better than b, and the whole interval says so, and p after correction; `none`: it is not shown.

        Where there is no interval, p alone decides.
        """
        if self.adjusted is not None and self.adjusted > self.level:
            return "none"
        if not self.has_interval:
            return "none" if not self.p <= self.level or not self.gain.value else "better" if self.gain.value > 0 else "worse"
        return self._beyond

    @property
    def _beyond(self) -> Verdict:
        """On which side of 0 the interval lies, if on one."""
        return "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "none"

    @property
    def defined(self) -> bool:
        """Whether both have a value."""
        return not math.isnan(self.difference.value)

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.difference.low)

    @property
    def gain(self) -> Estimate:
        """The difference turned so that more is better for a."""
        value, low, high = self.difference
        return self.difference if METRICS[self.metric].better == "higher" else Estimate(-value, -high, -low)

    def not_worse(self, margin: float) -> bool:
        """Non-inferiority: the interval rules out that a is worse than b by `margin` (in the metric's unit) or more. Nothing is
        ruled out without an interval, nor by one of a few differences, among which those the other way may be missing."""
        return self._tells and self.gain.low > -margin

    @property
    def _tells(self) -> bool:
        return self.has_interval and (self.differ is None or self.differ >= DIFFERENCES)

    def sentence(self) -> Message:
        found = message(f"metrics.compare.{self._kind()}", **self._words())
        return found if self.family < 2 else message("metrics.compare.corrected", sentence=found, family=self.family)

    def margin_sentence(self, margin: float) -> Message:
        """Whether a is not worse than b by `margin` or more."""
        kind = "not_worse" if self.not_worse(margin) else "maybe_worse" if self._tells else "unknown_worse"
        words = self._words() | {"winner": self.a, "loser": self.b}
        worst = amount(max(0.0, -self.gain.low), METRICS[self.metric].unit)
        kind = kind if self.defined else "undefined"
        return message(f"metrics.compare.{kind}", **words, margin=amount(margin, METRICS[self.metric].unit), worst=worst)

    def _kind(self) -> str:
        """Which sentence is true of it: one that shows an interval beyond 0 and says "no difference" must say why."""
        if not self.defined:
            return "undefined"
        found = "none" if self.verdict == "none" else "better"
        if not self.has_interval:
            silent = found == "none" and self.gain.value and 2.0 ** (1 - self.count) > self.level
            return "few" if silent else f"{found}-bare"  # so few rows show nothing even where all say the same
        return "unheld" if found == "none" and self._beyond != "none" else found

    def _words(self) -> dict[str, object]:
        unit = METRICS[self.metric].unit
        (value, low, high), winner, loser = self.gain, self.a, self.b
        if "worse" in (self.verdict, self._beyond):
            (value, low, high), winner, loser = (-value, -high, -low), self.b, self.a
        p = f"{self.p if self.adjusted is None else self.adjusted:.2g}"
        return {
            "winner": winner, "loser": loser, "where": where(self.slice), "metric": message(f"metrics.{self.metric}.name"),
            "value": amount(value, unit), "low": amount(low, unit), "high": amount(high, unit),
            "unit": message(f"metrics.unit.{unit}"),
            "p": message("metrics.compare.p" if self.adjusted in (None, self.p) else "metrics.compare.p-corrected", p=p),
        }  # fmt: skip

    def part(self) -> Message:
        """The comparison as a part of the sentence of `summary`."""
        return message(f"metrics.compare.part.{self._kind()}", **self._words())

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

    The interval is the bootstrap's, over items or over `clusters` of them, and Tango's for shares (accuracy, exact match) of
    independent items; p is of `test`: the interval's own; `permutation`, which holds its error rate for any metric of sums;
    `mcnemar`, which is exact for such shares. ValueError where the test does not fit the metric.
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
    over = "items" if clusters is None else "clusters"
    how = interval_signature(a, clusters is not None, over, resamples, confidence, seed, method, share="tango")
    made = signature(paired=over, **how, **({} if test == "bootstrap" else {"test": test}))
    level, differ = round(1 - confidence, 10), differences(a, b, clusters)
    return Comparison(metric, *names, found, p, len(a), slice, made, level=level, differ=differ)


def differences(a: Items, b: Items, clusters: Ints | None) -> int | None:
    """On how many items, or clusters, the two differ; None where the interval of the difference is no bootstrap of sums."""
    if not isinstance(a, Sums) or not isinstance(b, Sums) or (a.share and b.share and clusters is None):
        return None
    left, right, many = paired_rows(*((a, b) if clusters is None else (a.grouped(clusters), b.grouped(clusters))))
    apart = (left != right).any(1)
    return int(apart.sum() if many is None else many[apart].sum())


def at_once(confidence: float, resamples: int, claims: int) -> dict[str, Any]:
    """The options of `compare_items` with which all of so many intervals hold together as often as one would (Bonferroni), and
    with resamples enough for quantiles so far out."""
    level = (1 - confidence) / claims
    return {"confidence": 1 - level, "resamples": max(resamples, math.ceil(TAIL_DRAWS / level))}


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

"""Which of two models is better on the same items, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

from danlu.metrics.bootstrap import Method, Statistic, generator, paired_bootstrap
from danlu.metrics.number import METRICS, Estimate, rounded, signature
from danlu.metrics.words import amount, where
from danlu.workspace.sentences import Message, message

Verdict = Literal["better", "worse", "none"]


@dataclass(frozen=True)
class Comparison:
    """`a` against `b`: `difference` is a's value less b's, in the metric's own direction and unit."""

    metric: str
    a: str
    b: str
    difference: Estimate
    p: float
    count: int
    slice: Mapping[str, str]
    signature: str = ""

    @property
    def verdict(self) -> Verdict:
        """`better`: a is better than b, and the whole interval says so; `none`: the interval holds 0."""
        gain = self.gain
        return "better" if gain.low > 0 else "worse" if gain.high < 0 else "none"

    @property
    def gain(self) -> Estimate:
        """The difference turned so that more is better for a."""
        value, low, high = self.difference
        return self.difference if METRICS[self.metric].better == "higher" else Estimate(-value, -high, -low)

    def sentence(self) -> Message:
        unit = METRICS[self.metric].unit
        (value, low, high), winner, loser = self.gain, self.a, self.b
        if self.verdict == "worse":
            (value, low, high), winner, loser = (-value, -high, -low), self.b, self.a
        key = "metrics.compare.none" if self.verdict == "none" else "metrics.compare.better"
        return message(
            key, winner=winner, loser=loser, where=where(self.slice), metric=message(f"metrics.{self.metric}.name"),
            value=amount(value, unit), low=amount(low, unit), high=amount(high, unit), unit=message(f"metrics.unit.{unit}"),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "a": self.a,
            "b": self.b,
            "difference": rounded(self.difference.value),
            "interval": [rounded(self.difference.low), rounded(self.difference.high)],
            "p": rounded(self.p),
            "count": self.count,
            "slice": dict(sorted(self.slice.items())),
            "verdict": self.verdict,
            "sentence": self.sentence(),
            "signature": self.signature,
        }


def compare(
    metric: str, names: tuple[str, str], a: npt.ArrayLike, b: npt.ArrayLike, statistic: Statistic, *,
    slice: Mapping[str, str], seed: int = 0, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> Comparison:  # fmt: skip
    """Paired comparison. `a` and `b` (items, columns) hold the same items in the same order; see `metrics.bootstrap`."""
    random = generator(seed, "compare", metric, *names, *(f"{key}={value}" for key, value in sorted(slice.items())))
    difference, p = paired_bootstrap(a, b, statistic, random, resamples=resamples, confidence=confidence, method=method)
    made = signature(paired="items", interval=method, resamples=resamples, confidence=confidence, seed=seed)
    return Comparison(metric, *names, difference, p, len(a), slice, made)  # type: ignore[arg-type]

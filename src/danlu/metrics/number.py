"""A number that can be shown to a person: what it measures, of what, on how many items, how sure, and its signature.

The name and the definition of a metric are sentences of the message tables (`metrics.<metric>.name` and
`metrics.<metric>.definition`), so that no table, page or card shows a figure that nobody defined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from danlu.metrics.registry import METRICS, Better
from danlu.workspace.messages import Language, text
from danlu.workspace.sentences import Message

DIGITS = 10  # significant digits kept in JSON: far below any interval, above the noise of summation order


class Estimate(NamedTuple):
    """A value with the interval that a bootstrap or a formula gives it; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Number:
    """One measured number. `count` items were measured; `slice` names the part, such as {"language": "en"}; {} is all.

    A metric that is not defined on these items has no value, and `reason` says why; so it does where there is no interval.
    """

    metric: str
    model: str
    value: float | None
    count: int
    split: str
    interval: tuple[float, float] | None = None
    slice: Mapping[str, str] = field(default_factory=dict)
    signature: str = ""
    reason: Message | None = None

    @property
    def better(self) -> Better:
        return METRICS[self.metric].better

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "model": self.model,
            "value": None if self.value is None else rounded(self.value),
            "interval": None if self.interval is None else [rounded(bound) for bound in self.interval],
            "count": self.count,
            "split": self.split,
            "slice": dict(sorted(self.slice.items())),
            "better": self.better,
            "unit": self.unit,
            "signature": self.signature,
        } | ({} if self.reason is None else {"reason": self.reason})

    @classmethod
    def of(
        cls, metric: str, model: str, estimate: Estimate, count: int, split: str, slice: Mapping[str, str], signature: str,
        reason: Message | None = None,
    ) -> Number:  # fmt: skip
        """`reason` is why there is no value, or no interval, where the estimate has NaN."""
        value, low, high = estimate
        if math.isnan(value):
            return cls(metric, model, None, count, split, None, slice, signature, reason)
        return cls(metric, model, value, count, split, None if math.isnan(low) else (low, high), slice, signature, reason)


def rounded(value: float) -> float:
    """`value` to 10 significant digits."""
    return float(f"{value:.{DIGITS}g}")


def signature(**parts: object) -> str:
    """How a number was made, in one line that can be compared by eye: `interval:bca|resamples:1000|confidence:0.95`."""
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def metric_name(metric: str, language: Language | None = None) -> str:
    return text(f"metrics.{metric}.name", language)


def metric_definition(metric: str, language: Language | None = None) -> str:
    return text(f"metrics.{metric}.definition", language)

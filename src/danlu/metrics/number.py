"""A number that can be shown to a person: what it measures, of what, on how many items, how sure, and its signature.

The name and the definition of a metric are sentences of the message tables (`metrics.<metric>.name` and
`metrics.<metric>.definition`), so that no table, page or card shows a figure that nobody defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from danlu.workspace.messages import Language, text

Better = Literal["higher", "lower"]
DIGITS = 10  # significant digits kept in JSON: far below any interval, above the noise of summation order


class Metric(NamedTuple):
    """Which way is better, and the unit (`metrics.unit.<unit>` in the message tables)."""

    better: Better
    unit: str


METRICS: Mapping[str, Metric] = {
    "bits_per_byte": Metric("lower", "bits-per-byte"),
    "masked_nats": Metric("lower", "nats-per-token"),
    "perplexity": Metric("lower", "choices"),
    "accuracy": Metric("higher", "share"),
    "leak_accuracy": Metric("higher", "share"),
    "f1_macro": Metric("higher", "share"),
    "f1_micro": Metric("higher", "share"),
    "f1_binary": Metric("higher", "share"),
    "precision_macro": Metric("higher", "share"),
    "recall_macro": Metric("higher", "share"),
    "mcc": Metric("higher", "correlation"),
    "calibration_error": Metric("lower", "share"),
    "brier": Metric("lower", "squared-distance"),
}


class Estimate(NamedTuple):
    """A value with the interval that a bootstrap or a formula gives it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Number:
    """One measured number. `count` items were measured; `slice` names the part, such as {"language": "en"}; {} is all."""

    metric: str
    model: str
    value: float
    count: int
    split: str
    interval: tuple[float, float] | None = None
    slice: Mapping[str, str] = field(default_factory=dict)
    signature: str = ""

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
            "value": rounded(self.value),
            "interval": None if self.interval is None else [rounded(bound) for bound in self.interval],
            "count": self.count,
            "split": self.split,
            "slice": dict(sorted(self.slice.items())),
            "better": self.better,
            "unit": self.unit,
            "signature": self.signature,
        }

    @classmethod
    def of(
        cls, metric: str, model: str, estimate: Estimate, count: int, split: str, slice: Mapping[str, str], signature: str
    ) -> Number:
        return cls(metric, model, estimate.value, count, split, (estimate.low, estimate.high), slice, signature)


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

"""From a metric's name and what a model answered to numbers that can be shown, over all items and by parts of them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from danlu.metrics.bootstrap import FEWEST, Method, estimate, generator, units_of
from danlu.metrics.items import Ints, Items, Mask, Sums, Weighted
from danlu.metrics.number import Estimate, Number, signature
from danlu.metrics.registry import METRICS
from danlu.metrics.words import amount
from danlu.workspace.sentences import Message, message

FEW = 20  # items, or clusters of them, from which on a bootstrap's interval holds the truth about as often as it says


def items_of(metric: str, truth: Any, predicted: Any, **options: Any) -> Items:
    """What `metric` counts on each item; see `metrics.registry` for what it needs and which options it takes."""
    entry = METRICS[metric]
    module, name = entry.function.split(":")
    function: Callable[..., Items] = getattr(importlib.import_module(module), name)
    return function(truth, predicted, **{**entry.options, **options})


def numbers(
    metric: str, model: str, items: Items, parts: Iterable[tuple[Mapping[str, str], Mask]], *, split: str,
    clusters: Ints | None = None, over: str = "items", keys: Mapping[str, object] | None = None,
    seed: int = 0, resamples: int = 1000, confidence: float = 0.95, method: Method = "bca",
) -> list[Number]:  # fmt: skip
    """One number for each part (`metrics.slices`), with its interval over items, which `over` names, or over `clusters` of them
    (items,), such as the documents that the questions are about. `keys` (model, data, precision, the name of the positive
    class) go into the signature.
    """
    found = []
    for slice, mask in parts:
        part = items.take(mask)
        random = generator(seed, metric, model, *map(str, sorted(slice.items())))
        groups = None if clusters is None else clusters[mask]
        value = estimate(part, random, clusters=groups, resamples=resamples, confidence=confidence, method=method)
        how = interval_signature(items, clusters is not None, over, resamples, confidence, seed, method)
        made = signature(**{"metric": metric, "definition": METRICS[metric].version, **items.made, **how, **(keys or {})})
        found.append(Number.of(metric, model, value, len(part), split, slice, made, lacking(metric, part, value, groups)))
    return found


def interval_signature(
    items: Items,
    clustered: bool,
    over: str,
    resamples: int,
    confidence: float,
    seed: int,
    method: Method,
    share: str = "wilson",
) -> dict[str, object]:
    """What an interval depends on. `share` is the formula for shares of independent items."""
    if isinstance(items, Sums) and items.expected is not None:
        return {"interval": "none"}
    if not clustered and isinstance(items, Sums) and items.share:
        return {"interval": share, "confidence": confidence}
    drawn = {"interval": "percentile" if isinstance(items, Weighted) else method, "over": over}
    return {**drawn, "resamples": resamples, "confidence": confidence, "seed": seed}


def lacking(metric: str, items: Items, found: Estimate, clusters: Ints | None = None) -> Message | None:
    """Why the metric has no value on these items, or no interval, where it lacks one."""
    if math.isnan(found.value):
        reason = "empty" if not len(items) else METRICS[metric].undefined if items.finite() else "not-finite"
        return message(f"metrics.undefined.{reason}")
    if not math.isnan(found.low):
        return None
    if isinstance(items, Sums) and (chance := items.chance()) is not None:
        unit = METRICS[metric].unit
        return message("metrics.no-interval.chance", expected=amount(chance, unit), unit=message(f"metrics.unit.{unit}"))
    units = units_of(items, clusters)
    if units < FEWEST:
        return message(f"metrics.no-interval.{_over(clusters)}", count=units, fewest=FEWEST)
    return message("metrics.no-interval.alike")


def few(items: Items, clusters: Ints | None = None) -> Message | None:
    """What a person should know of intervals that are drawn over few items, or few clusters of them."""
    units = units_of(items, clusters)
    if units >= FEW or (clusters is None and isinstance(items, Sums) and items.share):
        return None
    return message(f"metrics.few.{_over(clusters)}", count=units, fewest=FEWEST, enough=FEW)


def _over(clusters: Ints | None) -> str:
    return "items" if clusters is None else "clusters"

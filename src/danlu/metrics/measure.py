"""From a metric's name and what a model answered to numbers that can be shown, over all items and by parts of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from danlu.metrics.bootstrap import Method, estimate, generator
from danlu.metrics.items import Ints, Items, Mask, Weighted
from danlu.metrics.number import Number, signature
from danlu.metrics.registry import METRICS
from danlu.workspace.sentences import Message, message


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
        found.append(Number.of(metric, model, value, len(part), split, slice, made, undefined(metric, part)))
    return found


def interval_signature(
    items: Items, clustered: bool, over: str, resamples: int, confidence: float, seed: int, method: Method
) -> dict[str, object]:
    """What an interval depends on."""
    if not clustered and not isinstance(items, Weighted) and items.share:
        return {"interval": "wilson", "confidence": confidence}
    drawn = {"interval": "percentile" if isinstance(items, Weighted) else method, "over": over}
    return {**drawn, "resamples": resamples, "confidence": confidence, "seed": seed}


def undefined(metric: str, items: Items) -> Message:
    """Why the metric has no value on these items, where it has none."""
    reason = "empty" if not len(items) else METRICS[metric].undefined if items.finite() else "not-finite"
    return message(f"metrics.undefined.{reason}")

"""Label curves: where one model's curve overtakes another's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

from danlu.metrics.registry import METRICS


def crossing(sizes: Sequence[int], a: Sequence[float], b: Sequence[float]) -> float | None:
    """The number of labels from which `a` stays ahead of `b` (more is better), interpolated on the logarithm of labels.

    `sizes` ascend. None where `a` is ahead from the start (nothing to overtake) or is not ahead at the end.
    """
    gaps = [left - right for left, right in zip(a, b, strict=True)]
    if not gaps or gaps[-1] <= 0:
        return None
    behind = max((index for index, gap in enumerate(gaps) if gap <= 0), default=None)
    if behind is None:
        return None
    before, after = gaps[behind], gaps[behind + 1]
    start, end = math.log(sizes[behind]), math.log(sizes[behind + 1])
    return math.exp(start + (end - start) * before / (before - after))


def crossings(curve: Iterable[Mapping[str, Any]], metric: str = "accuracy") -> list[dict[str, Any]]:
    """For each language and ordered pair of models of a curve: where `a` overtakes `b`, as `{a, b, language, labels}`.

    `curve` holds `{model, labels, language, metric, value}`; only sizes that both models have are compared.
    """
    lines: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    sign = 1.0 if METRICS[metric].better == "higher" else -1.0
    for point in curve:
        if point["metric"] == metric:
            line = lines.setdefault((point.get("dataset", ""), point["language"]), {}).setdefault(point["model"], {})
            line[point["labels"]] = sign * point["value"]
    found = []
    for (dataset, language), models in sorted(lines.items()):
        for a, b in permutations(sorted(models), 2):
            sizes = sorted(set(models[a]) & set(models[b]))
            labels = crossing(sizes, [models[a][size] for size in sizes], [models[b][size] for size in sizes])
            if labels is not None:
                found.append(
                    {"a": a, "b": b, "language": language, "labels": round(labels)} | ({"dataset": dataset} if dataset else {})
                )
    return found

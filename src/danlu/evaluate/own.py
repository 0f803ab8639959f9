"""Metrics of the user's own: a function of (truth, predicted, probabilities) to a number, with its interval over test rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.slices import slices
from danlu.metrics.bootstrap import generator, interval
from danlu.metrics.number import rounded, signature
from danlu.recipe.evaluate import EvaluateConfig
from danlu.workspace.errors import DanluError
from danlu.workspace.extension import blaming, load_function, require, words_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OwnMetric:
    """One metric as its function declares it; `words` are its name and definition in both languages."""

    name: str
    folder: Path
    function: Any
    better: str
    unit: str
    words: Any

    def __call__(self, truth: Ints, predicted: Ints, probabilities: Floats) -> float:
        with blaming(self.name, self.folder):
            value = self.function(truth, predicted, probabilities)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise DanluError(
                "extension.number", where=self.name, name=self.name, found=repr(value)[:80], about=f"{len(truth)} rows"
            )
        return number


def own_metric(name: str, folder: Path) -> OwnMetric:
    """The metric `module:name`. DanluError if it cannot be had, or does not say what it measures."""
    function = load_function(name, folder, "metric", ("truth", "predicted", "probabilities"))
    words, better = words_of(function, name), getattr(function, "better", "higher")
    require(better in ("higher", "lower") and all(words["definition"].values()), "metric", name, function)
    return OwnMetric(name, folder, function, better, str(getattr(function, "unit", "share")), words)


def own_numbers(
    model: str, probabilities: Floats, truth: Ints, languages: npt.NDArray[np.str_], *,
    dataset: str | None, config: EvaluateConfig, seed: int, folder: Path,
) -> list[dict[str, Any]]:  # fmt: skip
    """Entries for the numbers of an evaluation, over all test rows and by language.

    A function may be anything, so its interval is the plain one: percentiles over resamples of the rows. `probabilities`
    (rows, classes), `truth` (rows,) class numbers.
    """
    found = []
    for metric in [own_metric(name, folder) for name in config.metrics]:
        for slice, mask in slices(languages, dataset):
            if mask.any():
                random = generator(seed, metric.name, model, *map(str, sorted(slice.items())))
                value, low, high = _estimate(metric, truth[mask], probabilities[mask], random, config)
                found.append(
                    {"metric": metric.name, "model": model, "value": rounded(value),
                     "interval": None if math.isnan(low) else [rounded(low), rounded(high)],
                     "count": int(mask.sum()), "split": "test", "slice": dict(sorted(slice.items())), "better": metric.better,
                     "unit": metric.unit, "words": metric.words, "signature": _signature(config, seed)}
                )  # fmt: skip
    return found


def _estimate(
    metric: OwnMetric, truth: Ints, probabilities: Floats, random: np.random.Generator, config: EvaluateConfig
) -> tuple[float, float, float]:
    predicted, rows = probabilities.argmax(1), len(truth)
    draws = np.empty(config.resamples)
    for number in range(config.resamples):
        drawn = random.integers(0, rows, rows)
        draws[number] = metric(truth[drawn], predicted[drawn], probabilities[drawn])
    return (metric(truth, predicted, probabilities), *interval(draws, config.confidence, units=rows))


def _signature(config: EvaluateConfig, seed: int) -> str:
    return signature(interval="percentile", resamples=config.resamples, confidence=config.confidence, seed=seed)

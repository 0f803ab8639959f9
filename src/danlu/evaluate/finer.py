"""Numbers for finer parts of the data than languages: labels, lengths, sources. A page shows few of them; the file has all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.language import SPLIT, Losses
from danlu.evaluate.rows import Rows
from danlu.metrics.items import Items
from danlu.metrics.measure import items_of, numbers
from danlu.metrics.slices import lengths, parts
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore

Words = npt.NDArray[np.str_]


def finer_numbers(
    metric: str, model: str, items: Items, attributes: Mapping[str, Words], *,
    split: str, dataset: str | None, config: EvaluateConfig, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """One number for each value of each of `attributes` (items,) that has enough items; none where there is one value only."""
    varied = {name: values for name, values in attributes.items() if len(set(values.tolist())) > 1}
    where = [(slice, mask) for slice, mask in parts(varied, len(items), {"dataset": dataset} if dataset else {})][1:]
    found = numbers(
        metric, model, items, where, split=split, seed=seed, resamples=config.resamples, confidence=config.confidence
    )
    return [number.to_json() for number in found]


def classifier_parts(
    model: str, probabilities: npt.NDArray[np.float64], rows: Rows, indexes: list[int], *,
    dataset: str | None, config: EvaluateConfig, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Accuracy by label, length and source of the rows at `indexes`, which `probabilities` (rows, classes) answer."""
    attributes = {
        "label": np.array([rows.label[index] for index in indexes], dtype=np.str_),
        "length": lengths([rows.text[index] for index in indexes]),
        "source": np.array([rows.source[index] for index in indexes], dtype=np.str_),
    }
    items = items_of("accuracy", rows.numbers(indexes), probabilities.argmax(1), classes=len(rows.labels))
    return finer_numbers("accuracy", model, items, attributes, split="test", dataset=dataset, config=config, seed=seed)


def text_parts(losses: Losses, store: TokenStore, *, config: EvaluateConfig, seed: int) -> list[dict[str, Any]]:
    """The metric of a language model by source of the held-out documents."""
    names = np.array([*store.header["sources"], ""], dtype=np.str_)
    attributes = {"source": np.asarray(names[np.asarray(store.sources, np.int64)])}
    items = items_of(losses.metric, losses.weights, losses.nats)
    return finer_numbers(losses.metric, losses.model, items, attributes, split=SPLIT, dataset=None, config=config, seed=seed)

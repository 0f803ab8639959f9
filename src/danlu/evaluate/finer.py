"""Numbers for finer parts of the data than languages: labels, lengths, sources, places in a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.evaluate.language import SPLIT, Losses
from danlu.evaluate.rows import Rows
from danlu.evaluate.slices import slices
from danlu.metrics.items import Items
from danlu.metrics.measure import items_of, numbers
from danlu.metrics.slices import FEWEST, lengths, parts
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


def text_parts(
    losses: Losses, store: TokenStore, languages: Words, *, config: EvaluateConfig, seed: int
) -> list[dict[str, Any]]:  # fmt: skip
    """The deciding metric of a language model by source of the held-out documents, and by position in them."""
    names = np.array([*store.header["sources"], ""], dtype=np.str_)
    attributes = {"source": np.asarray(names[np.asarray(store.sources, np.int64)])}
    by_source = finer_numbers(
        losses.metrics[0], losses.model, losses.deciding, attributes, split=SPLIT, dataset=None, config=config, seed=seed
    )
    return [*by_source, *_by_position(losses, languages, config, seed)]


def _by_position(losses: Losses, languages: Words, config: EvaluateConfig, seed: int) -> list[dict[str, Any]]:
    """By how many tokens of the document stand before a token, over all and by language; none where one range holds all.

    A range is measured on the documents that reach it, so far ranges tell of long documents.
    """
    metric, sums = losses.metrics[0], losses.sums
    ranges = [place for place in sums.ranges if sums.reached(place).sum() >= FEWEST]
    found: list[dict[str, Any]] = []
    for place in ranges if len(ranges) > 1 else ():
        where = [({**slice, "position": place}, mask & sums.reached(place)) for slice, mask in slices(languages)]
        measured = numbers(
            metric, losses.model, sums.items(metric, place), [part for part in where if part[1].sum() >= FEWEST],
            split=SPLIT, over="documents", seed=seed, resamples=config.resamples, confidence=config.confidence,
        )  # fmt: skip
        found += [number.to_json() for number in measured]
    return found

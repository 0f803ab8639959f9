"""What a careless split would have claimed: the same linear model after a random split that leaves repeats in.

Rows are those of the texts that the honest split uses, as often as the source repeats them, and the texts with two
labels, so the gap to the honest accuracy comes from the split and not from a different amount of data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from danlu.evaluate import linear
from danlu.evaluate.rows import Rows
from danlu.evaluate.scores import share
from danlu.evaluate.slices import slices
from danlu.metrics.bootstrap import generator
from danlu.metrics.number import Number, signature
from danlu.recipe.evaluate import EvaluateConfig

TRAIN_SHARE = 0.8


def careless_rows(rows: Rows) -> list[int]:
    """Rows of every text in a split with its repeats, and of conflicting texts, as many as the limits would have left."""
    used = {digest for digest, split in zip(rows.digest, rows.split, strict=True) if split}
    limited = {digest for digest, reason in zip(rows.digest, rows.dropped, strict=True) if reason == "limit"} - used
    conflicting = sorted(
        {digest for digest, reason in zip(rows.digest, rows.dropped, strict=True) if reason == "conflict"} - used
    )
    used.update(conflicting[: round(len(conflicting) * len(used) / max(len(used) + len(limited), 1))])
    known = set(rows.labels)
    return [
        index for index, digest in enumerate(rows.digest) if digest in used and rows.text[index] and rows.label[index] in known
    ]


def leak_numbers(
    rows: Rows, counts: Callable[[list[int]], linear.Counts], layout: linear.Layout, strength: float, dataset: str | None,
    config: EvaluateConfig, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """`leak_accuracy` of TF-IDF with logistic regression, over all and by language; nothing where there are too few rows."""
    chosen = np.array(careless_rows(rows), np.int64)
    mixed = generator(seed, "leak").permutation(chosen)
    cut = round(TRAIN_SHARE * len(mixed))
    train, tested = mixed[:cut].tolist(), mixed[cut:].tolist()
    if not train or not tested:
        return []
    languages = rows.languages(tested)
    table = linear.answers(
        counts(train), rows.numbers(train), rows.languages(train), counts(tested), languages, len(rows.labels), layout, strength
    )
    right = table.argmax(1) == rows.numbers(tested)
    made = signature(
        interval="wilson", confidence=config.confidence, split="random", train=TRAIN_SHARE, repeats="kept", seed=seed
    )
    return [
        Number.of(
            "leak_accuracy", "tfidf", share(right[mask], config.confidence), int(mask.sum()), "random", slice, made
        ).to_json()
        for slice, mask in slices(languages, dataset)
    ]  # fmt: skip

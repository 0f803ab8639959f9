"""Numbers and comparisons of language models, from losses summed by held-out document."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from danlu.evaluate.slices import slices
from danlu.metrics.bootstrap import bootstrap, generator
from danlu.metrics.compare import Comparison, compare
from danlu.metrics.number import Number, signature
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore

Floats = npt.NDArray[np.float64]
SPLIT = "holdout"
FEWEST = 5  # documents: they are long, so that fewer of them than of labelled texts tell something
MASK_RATE, MASK_SEED = 0.15, 0  # fixed, so that every encoder and the unigram answer on the same tokens
SCALES = {"bits_per_byte": math.log(2), "masked_nats": 1.0}  # nats per unit of the metric


@dataclass(frozen=True)
class Losses:
    """One model's losses: `nats` and `weights` (bytes, or masked tokens) of each held-out document; `metric` divides them."""

    model: str
    metric: str
    nats: Floats
    weights: Floats

    def columns(self) -> Floats:
        return np.stack((self.nats, self.weights), 1)


def store_languages(store: TokenStore) -> npt.NDArray[np.str_]:
    """(documents,) language tags."""
    tags = np.array([*store.header["languages"], ""], dtype=np.str_)
    return np.asarray(tags[np.asarray(store.languages, np.int64)])


def document_chunks(store: TokenStore, most_tokens: int) -> Iterator[range]:
    """Ranges of documents of about `most_tokens` tokens: units of work that a killed run does not do again."""
    start, spent = 0, 0
    for index, length in enumerate(store.lengths().tolist()):
        spent += length
        if spent >= most_tokens:
            yield range(start, index + 1)
            start, spent = index + 1, 0
    if start < len(store):
        yield range(start, len(store))


def _statistic(metric: str, sums: Floats) -> Floats:
    weights = sums[..., 1]
    return np.divide(sums[..., 0], weights, out=np.zeros_like(weights), where=weights > 0) / SCALES[metric]


def language_numbers(losses: Losses, languages: npt.NDArray[np.str_], config: EvaluateConfig, seed: int) -> list[Number]:
    """The metric over all held-out documents and by language, with an interval over documents."""
    made = signature(interval="bca", over="documents", resamples=config.resamples, confidence=config.confidence, seed=seed)
    numbers = []
    for slice, mask in slices(languages, fewest=FEWEST):
        if not losses.weights[mask].sum():
            continue
        estimate = bootstrap(
            losses.columns()[mask], lambda sums: _statistic(losses.metric, sums),
            generator(seed, losses.metric, losses.model, *map(str, sorted(slice.items()))),
            resamples=config.resamples, confidence=config.confidence,
        )  # fmt: skip
        numbers.append(Number.of(losses.metric, losses.model, estimate, int(mask.sum()), SPLIT, slice, made))
    return numbers


def compare_losses(
    a: Losses, b: Losses, languages: npt.NDArray[np.str_], config: EvaluateConfig, seed: int
) -> list[Comparison]:
    """`a` against `b` on the same documents, over all and by language."""
    return [
        compare(
            a.metric, (a.model, b.model), a.columns()[mask], b.columns()[mask], lambda sums: _statistic(a.metric, sums),
            slice=slice, seed=seed, resamples=config.resamples, confidence=config.confidence,
        )
        for slice, mask in slices(languages, fewest=FEWEST)
        if a.weights[mask].sum()
    ]  # fmt: skip

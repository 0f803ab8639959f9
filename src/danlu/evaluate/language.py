"""Numbers and comparisons of language models, from the sums of one pass over the held-out documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from danlu.evaluate.data import ASKED, METRICS_OF
from danlu.evaluate.slices import slices
from danlu.inference.losses import TextLosses, range_names, summed
from danlu.metrics.compare import Comparison, compare_items
from danlu.metrics.items import Sums
from danlu.metrics.measure import numbers
from danlu.metrics.number import Number
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.pieces import TokenSizes
from danlu.tokens.store import TokenStore

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]
SPLIT = "holdout"
SUMS = ("nats", "tokens", "bytes", "characters")  # the columns of `TextLosses`
FEWEST = 5  # documents: they are long, so that fewer of them than of labelled texts tell something


@dataclass(frozen=True)
class Losses:
    """What a model's losses on the held-out documents add up to. `objective` says which tokens it was asked for: all, each from
    those before it (`clm`), or masked ones (`mlm`)."""

    model: str
    objective: str
    sums: TextLosses

    @property
    def metrics(self) -> tuple[str, ...]:
        """All that the sums tell; models are compared by the first."""
        return tuple(name for name in METRICS_OF[self.objective] if name not in ASKED)

    @property
    def deciding(self) -> Sums:
        """The documents as items of the first metric."""
        return self.sums.items(self.metrics[0])


def store_losses(
    store: TokenStore, sizes: TokenSizes, nats: Floats, positions: npt.NDArray[np.int64], documents: Sequence[int]
) -> TextLosses:
    """The sums by document, of some in rising order, from the `nats` of tokens at `positions` of the flat store."""
    chosen = np.asarray(documents, np.int64)
    starts = np.concatenate((np.zeros(1, np.int64), np.asarray(store.ends).astype(np.int64)))[chosen]
    owner = np.searchsorted(starts, positions, side="right") - 1
    tokens = np.asarray(store.tokens[positions]).astype(np.int64)
    return summed(nats, owner, positions - starts[owner], sizes.bytes[tokens], sizes.characters[tokens], len(chosen))


def losses_table(losses: Losses) -> pa.Table:
    """The sums by document as a table, which `read_losses` reads."""
    count, columns = len(losses.sums.sums), dict(zip(SUMS, losses.sums.total().T, strict=True))
    names = {"model": [losses.model] * count, "objective": [losses.objective] * count}
    return pa.table({**names, "document": pa.array(range(count), pa.int32()), **columns})


def read_losses(path: Path) -> list[Losses]:
    """What `losses_table` made, a model after the other in one file; places in the documents are no longer told apart."""
    table, found = pq.read_table(path), []
    models = np.array(table.column("model").to_pylist(), dtype=np.str_)
    for model in dict.fromkeys(models.tolist()):
        mine = table.filter(models == model)
        sums = np.stack([mine.column(name).to_numpy() for name in SUMS], 1)
        found.append(Losses(model, mine.column("objective")[0].as_py(), TextLosses(sums[:, None], range_names(()))))
    return found


def store_languages(store: TokenStore) -> Words:
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


def language_numbers(losses: Losses, languages: Words, config: EvaluateConfig, seed: int) -> list[Number]:
    """Every metric over all held-out documents and by language, with an interval over documents."""
    where = [(slice, mask) for slice, mask in slices(languages, fewest=FEWEST) if losses.sums.reached()[mask].any()]
    return [
        number
        for metric in losses.metrics
        for number in numbers(
            metric, losses.model, losses.sums.items(metric), where, split=SPLIT, over="documents", seed=seed,
            resamples=config.resamples, confidence=config.confidence,
        )
    ]  # fmt: skip


def compare_losses(a: Losses, b: Losses, languages: Words, config: EvaluateConfig, seed: int) -> list[Comparison]:
    """`a` against `b` on the same documents by the metric that decides, over all and by language."""
    left, right = a.deciding, b.deciding
    return [
        compare_items(
            a.metrics[0], (a.model, b.model), left.take(mask), right.take(mask), slice=slice, seed=seed,
            resamples=config.resamples, confidence=config.confidence,
        )
        for slice, mask in slices(languages, fewest=FEWEST)
        if a.sums.reached()[mask].any()
    ]  # fmt: skip

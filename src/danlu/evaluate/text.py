"""What is simpler than a language model, on the same held-out documents: compressors, a 5-gram, token frequencies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.documents.store import read_documents
from danlu.evaluate.arrays import save_array
from danlu.evaluate.finer import text_parts
from danlu.evaluate.language import (
    FEWEST,
    SPLIT,
    Losses,
    language_numbers,
    losses_table,
    store_languages,
    store_losses,
)
from danlu.evaluate.slices import slices
from danlu.inference.losses import TextLosses, range_names
from danlu.inference.nats import masked_places
from danlu.metrics.compression import Compressor, scores
from danlu.metrics.ngram import NgramModel, unigram_nats
from danlu.metrics.number import Number, signature
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.pieces import TokenSizes, token_sizes
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.run import Run

COMPRESSORS: tuple[tuple[Compressor, str], ...] = (("gzip", "9"), ("xz", "9e"))
ORDER = 5
MOST_TOKENS = 20_000_000  # the 5-gram counts so many at most: about 2 GB of memory
CHUNK = 1 << 24  # tokens counted at a time


class TextBaselines(NamedTuple):
    """Numbers as JSON, those of finer parts, and the table of sums by document (None where no baseline has any)."""

    numbers: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    documents: pa.Table | None


def text_baselines(
    tokens: Artifact, documents: Artifact, tokenizer: Artifact, config: EvaluateConfig, run: Run
) -> TextBaselines:
    """Measure the baselines that `config` asks for; each is a unit of work."""
    train, store = TokenStore.open(tokens / "train"), TokenStore.open(tokens / "holdout")
    languages = store_languages(store)
    if not len(store):
        return TextBaselines([], [], None)
    numbers: list[dict[str, Any]] = []
    if "compression" in config.baselines:
        numbers += run.once("compression", lambda: _compression(documents, store, languages, run))
    sizes, measured = token_sizes(tokenizer.path), []
    if "ngram" in config.baselines and len(train):
        measured.append(_kept("5-gram", "clm", run, lambda: _ngram(train, store, sizes, run)))
    if "unigram" in config.baselines:
        measured.append(_kept("unigram", "mlm", run, lambda: _unigram(train, store, sizes)))
    for losses in measured:
        numbers += [number.to_json() for number in language_numbers(losses, languages, config, run.seed)]
    parts = [number for losses in measured for number in text_parts(losses, store, languages, config=config, seed=run.seed)]
    return TextBaselines(numbers, parts, pa.concat_tables(map(losses_table, measured)) if measured else None)


def _kept(model: str, objective: str, run: Run, measure: Callable[[], TextLosses]) -> Losses:
    """Measure once, and keep the sums for a resumed run."""
    path: Path = run.scratch / f"{model}.npy"
    run.once(model, lambda: save_array(path, measure().sums))
    return Losses(model, objective, TextLosses(np.load(path), range_names()))


def _compression(documents: Artifact, store: TokenStore, languages: npt.NDArray[np.str_], run: Run) -> list[dict[str, Any]]:
    """gzip and xz on the texts of the very documents in the store, over all and by language."""
    texts = [text for batch in read_documents(documents / "holdout", ["text"]) for text in batch.column(0).to_pylist()]
    if len(texts) != len(store):
        raise DanluError("evaluate.other-documents", where=str(documents / "holdout"), stored=len(store), found=len(texts))
    numbers = []
    parts = [(slice, mask) for slice, mask in slices(languages, fewest=FEWEST)]
    with run.progress.task("evaluate.progress.compression", float(len(parts) * len(COMPRESSORS)), "files") as task:
        for slice, mask in parts:
            chosen = [texts[index] for index in np.flatnonzero(mask)]
            for name, level in COMPRESSORS:
                run.check()
                made = signature(level=level, joined="lines", trained="nothing")
                found = scores(chosen, name) if any(chosen) else {}
                numbers += [
                    Number(metric, name, value, len(chosen), SPLIT, None, slice, made).to_json()
                    for metric, value in found.items()
                ]
                task.advance()
    return numbers


def _ngram(train: TokenStore, store: TokenStore, sizes: TokenSizes, run: Run) -> TextLosses:
    """Of every token, under a Kneser-Ney 5-gram of the training tokens."""
    with run.progress.task("evaluate.progress.ngram", None, "tokens"):
        last = max(1, int(np.searchsorted(train.ends, MOST_TOKENS, side="right")))
        ends = np.asarray(train.ends[:last]).astype(np.int64)
        model = NgramModel.fit(np.asarray(train.tokens[: ends[-1]]), ends, len(sizes.bytes), ORDER)
        run.check()
        nats = model.nats(np.asarray(store.tokens), np.asarray(store.ends))
    return store_losses(store, sizes, nats, np.arange(len(nats)), range(len(store)))


def _unigram(train: TokenStore, store: TokenStore, sizes: TokenSizes) -> TextLosses:
    """Of the tokens that encoders are asked to fill in, by their frequency in training."""
    counts = np.zeros(len(sizes.bytes), np.int64)
    for start in range(0, len(train.tokens), CHUNK):
        counts += np.bincount(train.tokens[start : start + CHUNK], minlength=len(counts))
    places = masked_places(len(store.tokens))
    nats = unigram_nats(counts, np.asarray(store.tokens[places]).astype(np.int64))
    return store_losses(store, sizes, nats, places, range(len(store)))

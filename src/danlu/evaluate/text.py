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
from danlu.evaluate.language import FEWEST, MASK_RATE, MASK_SEED, SPLIT, Losses, language_numbers, store_languages
from danlu.evaluate.slices import slices
from danlu.inference.nats import masked_places
from danlu.metrics.compression import Compressor, bits_per_byte
from danlu.metrics.ngram import NgramModel, unigram_nats
from danlu.metrics.number import Number, signature
from danlu.recipe.evaluate import EvaluateConfig
from danlu.tokens.store import TokenStore
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import read_json
from danlu.workspace.run import Run

Floats = npt.NDArray[np.float64]
COMPRESSORS: tuple[tuple[Compressor, str], ...] = (("gzip", "9"), ("xz", "9e"))
ORDER = 5
MOST_TOKENS = 20_000_000  # the 5-gram counts so many at most: about 2 GB of memory
CHUNK = 1 << 24  # tokens counted at a time


class TextBaselines(NamedTuple):
    """Numbers as JSON, those by source, and the table of losses by document (None where no baseline has any)."""

    numbers: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    documents: pa.Table | None


def text_baselines(
    tokens: Artifact, documents: Artifact, tokenizer: Artifact | None, config: EvaluateConfig, run: Run
) -> TextBaselines:
    """Measure the baselines that `config` asks for; each is a unit of work."""
    train, store = TokenStore.open(tokens / "train"), TokenStore.open(tokens / "holdout")
    languages = store_languages(store)
    if not len(store):
        return TextBaselines([], [], None)
    numbers: list[dict[str, Any]] = []
    if "compression" in config.baselines:
        numbers += run.once("compression", lambda: _compression(documents, store, languages, run))
    measured = []
    if "ngram" in config.baselines and len(train):
        vocabulary = _vocabulary(tokenizer, train, store)
        measured.append(_kept("5-gram", "bits_per_byte", run, lambda: _ngram(train, store, vocabulary, run)))
    if "unigram" in config.baselines:
        vocabulary = _vocabulary(tokenizer, train, store)
        measured.append(_kept("unigram", "masked_nats", run, lambda: _unigram(train, store, vocabulary)))
    for losses in measured:
        numbers += [number.to_json() for number in language_numbers(losses, languages, config, run.seed)]
    parts = [number for losses in measured for number in text_parts(losses, store, config=config, seed=run.seed)]
    return TextBaselines(numbers, parts, pa.concat_tables([_table(losses) for losses in measured]) if measured else None)


def _kept(model: str, metric: str, run: Run, measure: Callable[[], Floats]) -> Losses:
    """Measure (documents, 2) nats and weights once, and keep them for a resumed run."""
    path: Path = run.scratch / f"{model}.npy"
    run.once(model, lambda: save_array(path, measure()))
    table = np.load(path)
    return Losses(model, metric, table[:, 0], table[:, 1])


def _table(losses: Losses) -> pa.Table:
    count = len(losses.nats)
    return pa.table(
        {"model": [losses.model] * count, "metric": [losses.metric] * count, "document": pa.array(range(count), pa.int32()),
         "nats": losses.nats, "weight": losses.weights}
    )  # fmt: skip


def _vocabulary(tokenizer: Artifact | None, *stores: TokenStore) -> int:
    """Number of token ids: what the tokenizer says, else what the stores need."""
    if tokenizer is not None and (tokenizer / "facts.json").is_file():
        return int(read_json(tokenizer / "facts.json")["vocabulary"])
    return 1 + max(int(store.tokens.max()) for store in stores if len(store.tokens))


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
                value = bits_per_byte(chosen, name) if any(chosen) else 0.0
                numbers.append(Number("bits_per_byte", name, value, len(chosen), SPLIT, None, slice, made).to_json())
                task.advance()
    return numbers


def _ngram(train: TokenStore, store: TokenStore, vocabulary: int, run: Run) -> Floats:
    """(documents, 2): nats under a Kneser-Ney 5-gram of the training tokens, and bytes."""
    with run.progress.task("evaluate.progress.ngram", None, "tokens"):
        last = max(1, int(np.searchsorted(train.ends, MOST_TOKENS, side="right")))
        ends = np.asarray(train.ends[:last]).astype(np.int64)
        model = NgramModel.fit(np.asarray(train.tokens[: ends[-1]]), ends, vocabulary, ORDER)
        run.check()
        nats = model.nats(np.asarray(store.tokens), np.asarray(store.ends))
    return np.stack((_by_document(store, nats), np.asarray(store.document_bytes, np.float64)), 1)


def _by_document(store: TokenStore, nats: Floats) -> Floats:
    return np.bincount(np.repeat(np.arange(len(store)), store.lengths()), nats, len(store)).astype(np.float64)


def _unigram(train: TokenStore, store: TokenStore, vocabulary: int) -> Floats:
    """(documents, 2): nats of the tokens that encoders are asked to fill in, by their frequency in training; how many."""
    counts = np.zeros(vocabulary, np.int64)
    for start in range(0, len(train.tokens), CHUNK):
        counts += np.bincount(train.tokens[start : start + CHUNK], minlength=vocabulary)
    places = masked_places(len(store.tokens), MASK_RATE, MASK_SEED)
    nats = unigram_nats(counts, np.asarray(store.tokens[places]).astype(np.int64))
    owner = np.searchsorted(np.asarray(store.ends).astype(np.int64), places, side="right")
    return np.stack((np.bincount(owner, nats, len(store)), np.bincount(owner, minlength=len(store))), 1).astype(np.float64)

"""`tokenize.encode`: documents to token stores, streaming.

In one process, since all that takes time (encoding, reading Parquet, writing) lets go of the interpreter's lock. Threads encode
a few megabytes each, while the one that started them reads on and appends to the store what is done, in order: its bytes depend
on no thread. A part of the documents is a unit of work; nothing waits between two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from danlu.compute.ordered import in_order
from danlu.documents.store import count_documents, document_parts, read_documents
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.encoder import encoder_of
from danlu.tokenize.slices import SPLITS, slices_of
from danlu.tokenize.words import Words
from danlu.tokens.encoding import Encoder
from danlu.tokens.files import special_ids, tokenizer_digest, vocabulary_size
from danlu.tokens.measure import RARE, Counts, Use
from danlu.tokens.store import StoreWriter, TokenBatch, TokenStore, add_counts, count_tokens, token_dtype, write_header
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

AHEAD_BYTES = 16_000_000  # of text that waits to be encoded or written


def encode(documents: Artifact, tokenizer: Artifact, *, config: TokenizeConfig, run: Run) -> None:
    """Write the stores `train/`, `holdout/` and `facts.json`. Of `config` only `words` counts: the rest was the tokenizer's."""
    vocabulary, digest = vocabulary_size(tokenizer.path), tokenizer_digest(tokenizer.path)
    names = _names(documents)
    to_batch = ToBatch(
        encoder_of(documents, tokenizer.path, run), token_dtype(vocabulary), *names,
        None if config.words is None else Words.of(config.words, tokenizer.path),
    )  # fmt: skip
    facts: dict[str, Any] = {}
    for split, folder in SPLITS:
        counts = _encode_parts(documents / folder, run.output / split, split, to_batch, vocabulary, run)
        header = write_header(
            run.output / split, dtype=to_batch.dtype, sources=to_batch.sources, languages=to_batch.languages,
            tokenizer_digest=digest, words=config.words,
        )  # fmt: skip
        facts[split] = {name: header[name] for name in ("tokens", "documents", "bytes")} | store_amounts(run.output / split)
        run.counts[f"{split}_tokens"] = header["tokens"]
        if split == "train":
            facts["use"] = vocabulary_use(counts, tokenizer.path)
    if to_batch.words is not None:
        run.facts["words"] = f"{to_batch.words.name} {to_batch.words.version}"
    write_json(run.output / "facts.json", facts)


def store_amounts(path: Path) -> dict[str, Any]:
    """`languages`, `sources`: documents, bytes and tokens of each in a store."""
    store = TokenStore.open(path)
    totals = {name: np.zeros((3, len(store.header[name])), np.int64) for name in ("languages", "sources")}
    for lengths, sources, languages, sizes in store.columns():
        for name, places in (("languages", languages), ("sources", sources)):
            for total, weights in zip(totals[name], (None, sizes, lengths), strict=True):
                total += np.bincount(places, weights, len(total)).astype(np.int64)
    return {
        name: {
            part: {"documents": documents, "bytes": size, "tokens": tokens}
            for part, (documents, size, tokens) in zip(store.header[name], total.T.tolist(), strict=True)
            if documents
        }
        for name, total in totals.items()
    }


def vocabulary_use(counts: Counts, tokenizer: Path) -> dict[str, int]:
    """How many of the tokens that texts are made of never occur (`unused`), or fewer than `RARE` times (`rare`), of how often
    each does [vocabulary]."""
    ordinary = np.ones(len(counts), np.bool_)
    ordinary[special_ids(tokenizer)] = False
    use = Use(counts)
    return {"ordinary": int(ordinary.sum()), "unused": use.unused(ordinary), "rare": use.rare(ordinary), "rare_below": RARE}


def _encode_parts(source: Path, target: Path, split: str, to_batch: ToBatch, vocabulary: int, run: Run) -> Counts:
    """Append the documents of `source` to the store `target`: how often each token occurs in it, [vocabulary].

    A part is a unit that is done when it is on disk, and says where the next begins.
    """
    parts = document_parts(source)
    facts = [run.ledger.get(_unit(split, part)) for part in parts]
    done = [fact for fact in facts if fact is not None]  # the first ones: parts are done in order
    at = done[-1] if done else {"documents": 0, "tokens": 0}
    slices = chain.from_iterable(map(slices_of, parts[len(done) :]))
    with (
        run.progress.task(f"tokenize.encode.{split}", count_documents(source), "documents") as task,
        StoreWriter(target, to_batch.dtype, **at, words=to_batch.words is not None) as writer,
    ):
        counts = count_tokens(target, to_batch.dtype, vocabulary)
        task.advance(writer.documents)
        made = in_order(
            lambda one: (one.part, to_batch(one.rows)), slices, run.threads, size=lambda one: one.bytes, most=AHEAD_BYTES
        )
        for part, batches in groupby(made, itemgetter(0)):
            for _, batch in batches:
                run.check()
                writer.append(batch)
                add_counts(batch.tokens, counts)
                task.advance(len(batch.lengths))
            writer.flush()
            run.finish(_unit(split, part), {"documents": writer.documents, "tokens": writer.tokens})
    return counts


def _unit(split: str, part: Path) -> str:
    return f"{split}:{part.name}"


@dataclass(frozen=True)
class ToBatch:
    """Encodes the columns text, source, language; the last two as places in `sources` and `languages`."""

    encoder: Encoder
    dtype: str
    sources: Sequence[str]
    languages: Sequence[str]
    words: Words | None

    def __call__(self, batch: pa.RecordBatch) -> TokenBatch:
        column, source, language = batch.columns
        encoded = self.encoder(column)
        return TokenBatch(
            encoded.tokens.astype(self.dtype, copy=False), encoded.lengths, _places(source, self.sources),
            _places(language, self.languages), pc.binary_length(column).to_numpy(),
            None if self.words is None else self.words.starts(column.to_pylist(), encoded),
        )  # fmt: skip


def _places(values: pa.Array, names: Sequence[str]) -> npt.NDArray[np.int32]:
    places: npt.NDArray[np.int32] = pc.index_in(values, value_set=pa.array(names, values.type)).to_numpy()
    return places


def _names(documents: Artifact) -> tuple[list[str], list[str]]:
    """All sources and languages, sorted, so that their places depend on no order of parts or documents."""
    sources: set[str] = set()
    languages: set[str] = set()
    for _, folder in SPLITS:
        for batch in read_documents(documents / folder, ("source", "language"), 65536):
            sources.update(pc.unique(batch.column(0)).to_pylist())
            languages.update(pc.unique(batch.column(1)).to_pylist())
    for found, most, kind in ((sources, 1 << 16, "sources"), (languages, 1 << 8, "languages")):
        if len(found) > most:
            raise DanluError(f"tokenize.too-many-{kind}", where=str(documents.path), count=len(found), most=most)
    return sorted(sources), sorted(languages)

"""`tokenize.encode`: documents to token stores, streaming, a part of the documents at a time.

In one process: both encoders use all cores by threads of their own, and what is left (reading Parquet, appending to the store,
which is one file) takes less time than starting workers and joining what they wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from danlu.documents.store import count_documents, document_parts, read_documents, text_bytes
from danlu.recipe.tokenize import TokenizeConfig
from danlu.tokenize.words import Words
from danlu.tokens.encoding import CUT_FROM, Encoder, fast_encoder, plain_tokenizer, reference_encoder, same
from danlu.tokens.files import special_ids, tokenizer_digest, vocabulary_size
from danlu.tokens.measure import RARE, Use
from danlu.tokens.special import EOS, MASK
from danlu.tokens.store import StoreWriter, TokenBatch, TokenStore, token_dtype, write_header
from danlu.workspace.artifact import Artifact
from danlu.workspace.errors import DanluError
from danlu.workspace.files import write_json
from danlu.workspace.run import Run

SPLITS = (("train", "documents"), ("holdout", "holdout"))
"""Store -> folder of the documents it is made from."""

BATCH_BYTES = 8_000_000  # of text encoded at a time
CHECKED_DOCUMENTS = 512  # on which the fast encoder is compared, spread over the parts
CHECKED_CHARACTERS = 4096  # of each
AWKWARD = (
    f"{EOS}你好{MASK}", "don't I'LL 'tis", "\r\n\n \t x  y ", "１２３4567½²", "A股上涨3.5%，“好！”——他说。",
    "カタカナとひらがな",
    "我们今天在公园里看见很多孩子们玩得非常高兴所以也想去那里走走看看中国人民银行的经济发展情况",
    "```code()[];``` <br /> &amp;", "。" * 40, " " * 40,
    "한국어 русский עברית ١٢٣", "e\u0301\u0301 \u200b\ufeff\u2028\u0085", "👩\u200d👩\u200d👧🇨🇳", "𠀀𪛖㐀龦鿿",
)  # fmt: skip
"""What encoders differ on where they differ at all."""


def encode(documents: Artifact, tokenizer: Artifact, *, config: TokenizeConfig, run: Run) -> None:
    """Write the stores `train/`, `holdout/` and `facts.json`. Of `config` only `words` counts: the rest was the tokenizer's."""
    words = None if config.words is None else Words.of(config.words, tokenizer.path)
    plain = plain_tokenizer(tokenizer.path)
    cut = sum(text_bytes(documents / folder) for _, folder in SPLITS) >= CUT_FROM
    reference, fast = reference_encoder(plain), fast_encoder(plain, cut=cut)
    chosen = run.resolve("encoder", lambda: choose_encoder(documents, reference, fast))
    if chosen["encoder"] == "tokenizers":
        run.progress.warn(f"tokenize.slow.{chosen['reason']}")
    encoder = fast if chosen["encoder"] == "gigatoken" and fast is not None else reference
    sources, languages = _names(documents)
    dtype, digest = token_dtype(vocabulary_size(tokenizer.path)), tokenizer_digest(tokenizer.path)
    facts: dict[str, Any] = {}
    for split, folder in SPLITS:
        _encode_parts(documents / folder, run.output / split, split, dtype, encoder, sources, languages, words, run)
        header = write_header(
            run.output / split, dtype=dtype, sources=sources, languages=languages, tokenizer_digest=digest, words=config.words
        )
        facts[split] = {name: header[name] for name in ("tokens", "documents", "bytes")} | store_amounts(run.output / split)
        run.counts[f"{split}_tokens"] = header["tokens"]
    facts["use"] = vocabulary_use(TokenStore.open(run.output / "train"), tokenizer.path)
    run.facts |= chosen
    if words is not None:
        run.facts["words"] = f"{words.name} {words.version}"
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


def vocabulary_use(store: TokenStore, tokenizer: Path) -> dict[str, int]:
    """How many of the tokens that texts are made of never occur in a store (`unused`), or fewer than `RARE` times (`rare`)."""
    vocabulary = vocabulary_size(tokenizer)
    ordinary = np.ones(vocabulary, np.bool_)
    ordinary[special_ids(tokenizer)] = False
    use = Use(store.counts(vocabulary))
    return {"ordinary": int(ordinary.sum()), "unused": use.unused(ordinary), "rare": use.rare(ordinary), "rare_below": RARE}


def choose_encoder(documents: Artifact, reference: Encoder, fast: Encoder | None) -> dict[str, Any]:
    """gigatoken where it gives the ids of tokenizers on a sample of these documents and on awkward text, else tokenizers."""
    if fast is None:
        return {"encoder": "tokenizers", "checked": 0, "reason": "kind" if find_spec("gigatoken") else "missing"}
    parts = [part for _, folder in SPLITS for part in document_parts(documents / folder)][:CHECKED_DOCUMENTS]
    rows = CHECKED_DOCUMENTS // max(1, len(parts))
    checked = 0
    for texts in (AWKWARD, *(_first_texts(part, rows) for part in parts)):
        if not same(reference(texts), fast(texts)):
            return {"encoder": "tokenizers", "checked": checked, "reason": "unequal"}
        checked += len(texts)
    return {"encoder": "gigatoken", "checked": checked, "reason": "equal"}


def _first_texts(part: Path, rows: int) -> list[str]:
    """The beginning of each of the first `rows` texts, and of a long one its end too: it may be of another language."""
    found = [text for batch in islice(_read_part(part, ("text",), rows), 1) for text in batch.column(0).to_pylist()]
    ends = [text[-CHECKED_CHARACTERS:] for text in found if len(text) > CHECKED_CHARACTERS]
    return [*(text[:CHECKED_CHARACTERS] for text in found), *ends]


def _encode_parts(
    source: Path,
    target: Path,
    split: str,
    dtype: str,
    encoder: Encoder,
    sources: Sequence[str],
    languages: Sequence[str],
    words: Words | None,
    run: Run,
) -> None:
    """Append the documents of each part of `source` to the store `target`; a part is a unit and says where the next begins."""
    done = {"documents": 0, "tokens": 0}
    with run.progress.task(f"tokenize.encode.{split}", count_documents(source), "documents") as task:
        for part in document_parts(source):

            def work(part: Path = part, done: dict[str, int] = done) -> dict[str, int]:
                with StoreWriter(target, dtype, **done, words=words is not None) as writer:
                    for batch in _batches(part):
                        run.check()
                        writer.append(encode_batch(batch, encoder, sources, languages, words))
                        task.advance(batch.num_rows)
                    return {"documents": writer.documents, "tokens": writer.tokens}

            done = run.once(f"{split}:{part.name}", work)
    # no byte more than the units say, and a store of no documents is a store
    StoreWriter(target, dtype, **done, words=words is not None).close()


def encode_batch(
    batch: pa.RecordBatch, encoder: Encoder, sources: Sequence[str], languages: Sequence[str], words: Words | None = None
) -> TokenBatch:
    """Encode the columns text, source, language; the last two as places in `sources` and `languages`."""
    column, source, language = batch.columns
    encoded = encoder(column)
    starts = None if words is None else words.starts(column.to_pylist(), encoded)
    sizes = pc.binary_length(column).to_numpy()
    return TokenBatch(*encoded, _places(source, sources), _places(language, languages), sizes, starts)


def _places(values: pa.Array, names: Sequence[str]) -> npt.NDArray[np.int32]:
    places: npt.NDArray[np.int32] = pc.index_in(values, value_set=pa.array(names, values.type)).to_numpy()
    return places


def _batches(part: Path) -> Iterator[pa.RecordBatch]:
    """(text, source, language) of a part, in slices of about `BATCH_BYTES` of text, at least one document each."""
    for batch in _read_part(part, ("text", "source", "language"), 1024):
        total = np.cumsum(pc.binary_length(batch.column(0)).to_numpy())
        start = 0
        while start < batch.num_rows:
            before = int(total[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(total, before + BATCH_BYTES, side="right")))
            yield batch.slice(start, stop - start)
            start = stop


def _read_part(part: Path, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                yield batch.select(list(columns))
    except pa.ArrowInvalid as error:
        raise DanluError("documents.broken-part", where=str(part), reason=str(error).splitlines()[0]) from error


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

"""danlu's encoder and its peers with the same vocabulary: texts to ids, and the ids of each document to compare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from danlu.compute.ordered import in_order
from danlu.documents.store import read_documents
from danlu.tokenize.encoder import AWKWARD
from danlu.tokens.encoding import Encoded, fast_encoder, plain_tokenizer
from danlu.tokens.pieces import token_bytes
from danlu.tokens.special import SPECIAL
from danlu.tokens.store import TokenStore

HAN = "\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff"
CUTS = (
    r"\p{N}{1,3}",
    rf"[{HAN}]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+""",
    rf"[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}&&[^{HAN}]]+",
    rf" ?[\p{{P}}\p{{S}}&&[^{HAN}]]+[\r\n]*",
    r"\s*[\r\n]+",
    rf"\s+(?![^\s\p{{N}}{HAN}])",
    r"\s+",
)
"""danlu's three patterns, which cut one after the other, as one for tiktoken: a number or a Chinese character, which ends a
piece there, ends it here by a class or a lookahead."""
PATTERN = "|".join(CUTS) + rf"|(?s:(?!{'|'.join(CUTS)}).)+"
"""And what nothing matches, which tiktoken would leave out, is a piece as in the others."""

BATCH_BYTES, PIECES = 8_000_000, 4  # of text encoded by one call; danlu, which has no threads of its own, divides it

Ids = Sequence[Sequence[int]] | Sequence[npt.NDArray[np.uint32]]


class Encoder(NamedTuple):
    """`encode` is timed; `ids` of what it gave are not, nor `take`: what it takes, strings or a column as Parquet gives it."""

    encode: Callable[[Any], Any]
    ids: Callable[[Any], Ids]
    take: Callable[[list[str]], Any] = list


def danlu(tokenizer: Path) -> Encoder:
    fast = fast_encoder(plain_tokenizer(tokenizer))
    if fast is None:
        raise SystemExit("gigatoken is not installed")

    def encode(texts: Any) -> Encoded:
        step = -(-len(texts) // PIECES)
        pieces = (texts[start : start + step] for start in range(0, len(texts), step))
        found = in_order(fast, pieces, len(os.sched_getaffinity(0)))
        return Encoded(*(np.concatenate(each) for each in zip(*found, strict=True)))

    return Encoder(encode, split, pa.array)


def split(encoded: Encoded) -> list[npt.NDArray[np.uint32]]:
    return np.split(encoded.tokens, np.cumsum(encoded.lengths)[:-1])


def tokenizers(tokenizer: Path, *, fast: bool) -> Encoder:
    from tokenizers import Tokenizer

    peer = Tokenizer.from_str(plain_tokenizer(tokenizer))
    encode = peer.encode_batch_fast if fast else peer.encode_batch
    return Encoder(partial(encode, add_special_tokens=False), lambda found: [encoding.ids for encoding in found])


def tiktoken(tokenizer: Path) -> Encoder:
    from tiktoken import Encoding

    ranks = {piece: place for place, piece in enumerate(token_bytes(tokenizer)) if place >= len(SPECIAL)}
    peer = Encoding("danlu", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    return Encoder(partial(peer.encode_ordinary_batch, num_threads=len(os.sched_getaffinity(0))), lambda found: found)


ENCODERS: dict[str, Callable[[Path], Encoder]] = {
    "danlu": danlu,
    "tokenizers encode_batch": partial(tokenizers, fast=False),
    "tokenizers encode_batch_fast": partial(tokenizers, fast=True),
    "tiktoken": tiktoken,
}


def encode_texts(encoder: str, tokenizer: str, documents: str, digests: str) -> dict[str, float]:
    """Encode all documents once, in batches as danlu has them, after a few strange strings; keep a digest of each one's ids."""
    one = ENCODERS[encoder](Path(tokenizer))
    one.encode(list(AWKWARD))
    taken, busy, size, tokens, found = 0.0, 0.0, 0, 0, []
    for texts in batches(Path(documents)):
        given = one.take(texts)
        start, before = time.perf_counter(), time.process_time()
        encoded = one.encode(given)
        taken, busy = taken + time.perf_counter() - start, busy + time.process_time() - before
        ids = one.ids(encoded)
        size += sum(len(text.encode()) for text in texts)
        tokens += sum(map(len, ids))
        found += map(digest, ids)
    np.save(digests, np.array(found, np.uint64))
    return {
        "seconds": taken, "cpu_seconds": busy, "megabytes": size / 1e6, "megabytes_per_second": size / 1e6 / taken,
        "tokens": tokens,
    }  # fmt: skip


def batches(documents: Path) -> Iterator[list[str]]:
    """All texts in order, about `BATCH_BYTES` at a time."""
    texts: list[str] = []
    size = 0
    for batch in read_documents(documents, ("text",)):
        for text in batch.column(0).to_pylist():
            texts.append(text)
            size += len(text.encode())
            if size >= BATCH_BYTES:
                yield texts
                texts, size = [], 0
    if texts:
        yield texts


def store_digests(store: TokenStore) -> npt.NDArray[np.uint64]:
    return np.array([digest(store.document(place)) for place in range(len(store))], np.uint64)


def digest(ids: Any) -> int:
    return int.from_bytes(blake2b(np.asarray(ids, np.uint32).tobytes(), digest_size=8).digest(), "little")

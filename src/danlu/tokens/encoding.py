"""Texts to token ids, in bulk. Text is only ever text here: `<|eos|>` in a document is seven bytes, not a special token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from danlu.compute.machine import usable_cores
from danlu.tokens.files import read_tokenizer, tokenizer_text
from danlu.tokens.texts import Texts

if TYPE_CHECKING:
    from danlu.tokens.borders import Borders


class Encoded(NamedTuple):
    """`tokens` [sum of lengths]: ids of all texts, one after the other; `lengths` [texts]: tokens of each."""

    tokens: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.int64]


Encoder = Callable[[Sequence[str] | pa.Array], Encoded]
"""Takes strings, or a column of them as Parquet gives it, which saves making strings."""

CUT_FROM = 1 << 26  # bytes of text
PART = 1 << 20
"""Characters or bytes that a thread encodes at a time: gigatoken divides only more than that among threads of its own."""
REMEMBERED = 1 << 24
"""Tokens after which gigatoken starts anew. It keeps every piece that it has met, five bytes for each byte of text that never
repeats, so its memory would grow with the text."""


def plain_tokenizer(directory: Path) -> str:
    """`tokenizer.json` of `directory` without special tokens and template: what both encoders are made of.

    The special tokens keep their ids in the vocabulary, but no merge leads to them, so no text becomes one.
    """
    return tokenizer_text({**read_tokenizer(directory), "added_tokens": [], "post_processor": None})


def reference_encoder(plain: str) -> Encoder:
    """Encoding by the `tokenizers` library, which defines what is right."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(plain)

    def encode(texts: Sequence[str] | pa.Array) -> Encoded:
        strings = texts.to_pylist() if isinstance(texts, pa.Array) else list(texts)
        found = [encoding.ids for encoding in tokenizer.encode_batch_fast(strings, add_special_tokens=False)]
        lengths = np.fromiter((len(ids) for ids in found), np.int64, len(found))
        tokens = np.fromiter((token for ids in found for token in ids), np.uint32, int(lengths.sum()))
        return Encoded(tokens, lengths)

    return encode


def fast_encoder(plain: str, *, cut: bool = True) -> Encoder | None:
    """Encoding by gigatoken, many times as fast; None where it is not installed or does not know the pre-tokeniser.

    With `cut` runs of Chinese characters are cut where no token reaches across (`danlu.tokens.borders`), which changes no id
    and makes mixed text twice as fast. It pays from `CUT_FROM` bytes on: the kernel has to be loaded first, and once
    on a machine compiled.
    """
    try:
        import awkward
        import gigatoken

        tokenizer = gigatoken.Tokenizer.from_json(plain)
    except (ImportError, RuntimeError, ValueError):
        return None
    borders = _borders(plain) if cut else None
    pool = ThreadPoolExecutor(usable_cores(), "danlu-encode")
    seen = 0

    def encode_part(texts: Sequence[str] | pa.Array) -> Encoded:
        whole = Texts.of_column(texts) if isinstance(texts, pa.Array) else Texts.of([text.encode() for text in texts])
        (data, starts), marks = borders.marked(whole) if borders else (whole, 0)
        strings = awkward.contents.ListOffsetArray(
            awkward.index.Index64(starts),
            awkward.contents.NumpyArray(data, parameters={"__array__": "char"}),
            parameters={"__array__": "string"},
        )
        rows: Any = tokenizer.encode_batch(awkward.Array(strings))
        lengths: Any = awkward.to_numpy(awkward.num(rows))
        tokens: Any = awkward.to_numpy(awkward.flatten(rows))
        if borders and np.any(marks):
            tokens = tokens[tokens != borders.mark]
        return Encoded(tokens.astype(np.uint32, copy=False), (lengths - marks).astype(np.int64, copy=False))

    def encode(texts: Sequence[str] | pa.Array) -> Encoded:
        nonlocal tokenizer, seen
        if not len(texts):
            return Encoded(np.empty(0, np.uint32), np.empty(0, np.int64))
        if seen > REMEMBERED:
            tokenizer, seen = gigatoken.Tokenizer.from_json(plain), 0
        parts = pool.map(encode_part, _parts(texts))
        tokens, lengths = (np.concatenate(each) for each in zip(*parts, strict=True))
        seen += len(tokens)
        return Encoded(tokens, lengths)

    return encode


def _borders(plain: str) -> Borders | None:
    from danlu.tokens.borders import Borders  # imports Numba

    return Borders.of(plain)


def _parts(texts: Sequence[str] | pa.Array) -> list[Sequence[str] | pa.Array]:
    """Texts in turn, in parts of about `PART` characters of strings or bytes of a column, at least one text each."""
    sizes = pc.binary_length(texts).to_pylist() if isinstance(texts, pa.Array) else map(len, texts)
    found, start, size = [], 0, 0
    for place, each in enumerate(sizes, 1):
        size += each
        if size >= PART or place == len(texts):
            found.append(texts[start:place])
            start, size = place, 0
    return found


def same(one: Encoded, other: Encoded) -> bool:
    """Whether two encoders gave the same ids."""
    return np.array_equal(one.lengths, other.lengths) and np.array_equal(one.tokens, other.tokens)

"""Texts to token ids, in bulk. Text is only ever text here: `<|eos|>` in a document is seven bytes, not a special token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from danlu.tokens.files import read_tokenizer, tokenizer_text


class Encoded(NamedTuple):
    """`tokens` [sum of lengths]: ids of all texts, one after the other; `lengths` [texts]: tokens of each."""

    tokens: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.int64]


Encoder = Callable[[Sequence[str]], Encoded]

REMEMBERED = 1 << 24
"""Tokens after which gigatoken starts anew. It keeps every piece of text that it has met, so its memory grows with the text: by
2.4 bytes for each byte of mixed text, by 4 to 5 of Chinese, whose pieces are whole clauses."""


def plain_tokenizer(directory: Path) -> str:
    """`tokenizer.json` of `directory` without special tokens and template: what both encoders are made of.

    The special tokens keep their ids in the vocabulary, but no merge leads to them, so no text becomes one.
    """
    return tokenizer_text({**read_tokenizer(directory), "added_tokens": [], "post_processor": None})


def reference_encoder(plain: str) -> Encoder:
    """Encoding by the `tokenizers` library, which defines what is right."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(plain)

    def encode(texts: Sequence[str]) -> Encoded:
        found = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        lengths = np.fromiter((len(ids) for ids in found), np.int64, len(found))
        tokens = np.fromiter((token for ids in found for token in ids), np.uint32, int(lengths.sum()))
        return Encoded(tokens, lengths)

    return encode


def fast_encoder(plain: str) -> Encoder | None:
    """Encoding by gigatoken, many times as fast; None where it is not installed or does not know the pre-tokeniser."""
    try:
        import awkward
        import gigatoken

        tokenizer = gigatoken.Tokenizer.from_json(plain)
    except (ImportError, RuntimeError, ValueError):
        return None
    seen = 0

    def encode(texts: Sequence[str]) -> Encoded:
        nonlocal tokenizer, seen
        if not texts:
            return Encoded(np.empty(0, np.uint32), np.empty(0, np.int64))
        if seen > REMEMBERED:
            tokenizer, seen = gigatoken.Tokenizer.from_json(plain), 0
        rows: Any = tokenizer.encode_batch(list(texts))
        lengths: Any = awkward.to_numpy(awkward.num(rows))
        tokens: Any = awkward.to_numpy(awkward.flatten(rows))
        seen += len(tokens)
        return Encoded(tokens.astype(np.uint32, copy=False), lengths.astype(np.int64, copy=False))

    return encode


def same(one: Encoded, other: Encoded) -> bool:
    """Whether two encoders gave the same ids."""
    return np.array_equal(one.lengths, other.lengths) and np.array_equal(one.tokens, other.tokens)

"""Texts to token ids, in bulk. Text is only ever text here: `<|eos|>` in a document is seven bytes, not a special token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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

CUT_FROM, CUT_LOADED_FROM = 1 << 26, 1 << 24  # bytes of text; the second where kernels are loaded
REMEMBERED = 1 << 24
"""Tokens after which a tokenizer of gigatoken is made anew. It keeps every piece that it has met, five bytes for each byte of
text that never repeats, so its memory would grow with the text."""


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
        tokens = np.fromiter(chain.from_iterable(found), np.uint32, int(lengths.sum()))
        return Encoded(tokens, lengths)

    return encode


def fast_encoder(plain: str, *, cut: bool = True) -> Encoder | None:
    """Encoding by gigatoken, many times as fast, on the thread that asks; several may ask at once. None where it is not
    installed or does not know the pre-tokeniser.

    With `cut` runs of Chinese characters are cut where no token reaches across (`danlu.tokens.borders`), which changes no id
    and makes mixed text nearly twice as fast. It pays from `CUT_FROM` bytes on, since loading Numba takes .8 s, or from
    `CUT_LOADED_FROM` on in a process that has it loaded: the kernels are compiled once on a machine.
    """
    try:
        encoder = Gigatoken(plain)
    except (ImportError, RuntimeError, ValueError):
        return None
    encoder.borders = _borders(plain) if cut else None
    return encoder


class Gigatoken:
    """gigatoken. Each thread at work has a tokenizer of its own, since those who share one wait for each other; it is made anew
    after `REMEMBERED` tokens."""

    borders: Borders | None = None
    """Where runs of Chinese characters are cut; None: nowhere."""

    def __init__(self, plain: str) -> None:
        import awkward
        import gigatoken

        self._arrays = awkward
        self._make = partial(gigatoken.Tokenizer.from_json, plain)
        self._idle, self._lock = [(self._make(), 0)], Lock()  # tokenizers, and how many tokens each has given

    def __call__(self, texts: Sequence[str] | pa.Array) -> Encoded:
        whole = Texts.of_column(texts) if isinstance(texts, pa.Array) else Texts.of([text.encode() for text in texts])
        if not len(whole.data):
            return Encoded(np.empty(0, np.uint32), np.zeros(len(texts), np.int64))
        if self.borders is None:
            return self._encode(whole)
        marked, marks = self.borders.marked(whole)
        return Encoded(*self.borders.without_marks(*self._encode(marked), marks))

    def _encode(self, texts: Texts) -> Encoded:
        """Tokens as they lie in the library's memory, which is nobody else's."""
        strings = self._arrays.contents.ListOffsetArray(
            self._arrays.index.Index64(texts.starts),
            self._arrays.contents.NumpyArray(texts.data, parameters={"__array__": "char"}),
            parameters={"__array__": "string"},
        )
        with self._lock:
            tokenizer, given = self._idle.pop() if self._idle else (None, 0)
        tokenizer = tokenizer or self._make()
        rows = tokenizer.encode_batch(self._arrays.Array(strings), parallel=False).layout.to_ListOffsetArray64(True)
        offsets = rows.offsets.data
        given += int(offsets[-1])
        if given <= REMEMBERED:
            with self._lock:
                self._idle.append((tokenizer, given))
        return Encoded(rows.content.data[: offsets[-1]], np.diff(offsets))


def _borders(plain: str) -> Borders | None:
    from danlu.tokens.borders import Borders  # imports Numba

    return Borders.of(plain)


def same(one: Encoded, other: Encoded) -> bool:
    """Whether two encoders gave the same ids."""
    return np.array_equal(one.lengths, other.lengths) and np.array_equal(one.tokens, other.tokens)

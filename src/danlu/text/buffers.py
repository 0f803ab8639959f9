"""Texts as they lie in Arrow's memory: bytes of UTF-8 and where each text begins, without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danlu.text.characters import kinds_table, lower_table
from danlu.text.kernels.words import hash_words

Array = TypeVar("Array", bound=NDArray[Any])


def text_buffers(texts: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`data` uint8[bytes] and `offsets` int64[texts + 1] of an Arrow array or column of strings without nulls.

    Text i is `data[offsets[i]:offsets[i + 1]]`. Several chunks are joined, which copies.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.chunk(0) if texts.num_chunks == 1 else pa.concat_arrays(texts.chunks or [pa.array([], texts.type)])
    texts = texts.cast(pa.large_string())
    _, ends, data = texts.buffers()
    offsets = np.frombuffer(ends, np.int64, len(texts) + 1, 8 * texts.offset) if len(texts) else np.zeros(1, np.int64)
    return read_only(np.frombuffer(data or b"", np.uint8)), read_only(offsets)


def string_buffers(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The same of Python strings; a lone surrogate, which UTF-8 cannot hold, counts as a replacement character."""
    data = [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode() for text in texts]
    offsets = np.zeros(len(data) + 1, np.int64)
    np.cumsum([len(text) for text in data], out=offsets[1:])
    return np.frombuffer(b"".join(data), np.uint8), read_only(offsets)


def read_only(array: Array) -> Array:
    """The array, closed for writing as Arrow's are: for Numba the two are types, each with machine code of its own."""
    array.flags.writeable = False
    return array


def word_hashes(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of the words of each text in lower case, uint64[words], and the first word of each, int64[texts + 1].

    Words as in `danlu.text.kernels.words`: a Han character is one, marks and spaces are none.
    """
    size = len(offsets) - 1
    hashes = np.empty((int(offsets[-1] - offsets[0]) + size) // 2 + size, np.uint64)
    firsts = np.zeros(size + 1, np.int64)
    hash_words(data, offsets, kinds_table(), lower_table(), hashes, firsts)
    return hashes[: firsts[-1]], firsts

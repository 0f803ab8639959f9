"""Texts as UTF-8 in one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Texts(NamedTuple):
    """UTF-8 of texts one after the other, uint8 [bytes]; `starts` [texts + 1]: where each begins, and the end.

    `data` can be read only, whatever it comes from: a kernel is compiled for each type of its arrays.
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
        return cls(np.frombuffer(b"".join(texts), np.uint8), starts)

    @classmethod
    def of_column(cls, texts: pa.Array) -> Texts:
        """The texts of a column where they lie in memory."""
        _, offsets, data = texts.buffers()
        width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
        starts = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
        whole = np.frombuffer(memoryview(data or b"").toreadonly(), np.uint8)
        return cls(whole[starts[0] : starts[-1]], starts - starts[0])

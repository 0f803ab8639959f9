"""General compressors as language models: how many bits a byte of a text costs them.

The texts are joined in order by line ends; the size counts all of the compressed file, and is divided by the bytes of the texts
alone. So the line ends cost the compressor a little, as the only sign of where a text ends.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Sequence
from typing import Literal

Compressor = Literal["gzip", "xz"]

WINDOW = 64 << 20  # bytes that `xz -9e` remembers; gzip remembers 32 KiB


def scores(texts: Sequence[str], compressor: Compressor) -> dict[str, float]:
    """`bits_per_byte` and `bits_per_character` of `gzip -9` or `xz -9e` on the texts alone: it has seen nothing before and
    learns as it reads. ZeroDivisionError where there is no text at all."""
    bits = 8 * _size(_join(texts), compressor)
    return {"bits_per_byte": bits / _bytes(texts), "bits_per_character": bits / sum(map(len, texts))}


def bits_per_byte(texts: Sequence[str], compressor: Compressor) -> float:
    """The first of `scores`."""
    return scores(texts, compressor)["bits_per_byte"]


def primed_bits_per_byte(texts: Sequence[str], prime: Sequence[str], most: int = 4 << 20) -> float:
    """`xz -9e` after it has read the last `most` bytes of training texts `prime`: (size of both - size of the first) / bytes.

    Comparable to a trained model, as far as a dictionary can be; slow (`most` is read twice, at about 1 MB/s). There is no such
    figure for gzip: it forgets all but 32 KiB.
    """
    known = (_join(prime) + b"\n")[-min(most, WINDOW // 2) :]
    return 8 * (_size(known + _join(texts), "xz") - _size(known, "xz")) / _bytes(texts)


def _join(texts: Sequence[str]) -> bytes:
    return "\n".join(texts).encode("utf-8")


def _bytes(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8")) for text in texts)


def _size(data: bytes, compressor: Compressor) -> int:
    if compressor == "gzip":
        return len(gzip.compress(data, 9, mtime=0))
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))

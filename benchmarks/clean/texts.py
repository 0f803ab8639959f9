"""Real text as Parquet, English and Chinese apart; and text of any size that repeats no sentence in the same order."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.tokens.texts import HAN, documents

SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]?\s*")
GROUP = 8 << 20  # bytes of text in a row group
SCHEMA = pa.schema([pa.field("text", pa.large_string())])


def write_real(directory: Path, size: int) -> dict[str, Any]:
    """`en.parquet` and `zh.parquet` of about `size` bytes together, of what `benchmarks.tokens` reads."""
    found: dict[str, list[str]] = {"en": [], "zh": []}
    for _, text in documents(size):
        found["zh" if 4 * len(HAN.findall(text)) > len(text) else "en"].append(text)
    for name, texts in found.items():
        random.Random(0).shuffle(texts)
        write(directory / f"{name}.parquet", iter(texts))
    return {name: {"megabytes": megabytes(texts), "documents": len(texts)} for name, texts in found.items()}


def write_mixed(path: Path, real: list[Path], size: int, seed: int = 0) -> None:
    """About `size` bytes of documents of 20 sentences drawn from the real ones: every document is new, none near another."""
    drawn = random.Random(seed)
    sentences = [part for file in real for text in pq.read_table(file)["text"].to_pylist() for part in SENTENCE.findall(text)]

    def texts() -> Iterator[str]:
        written = 0
        while written < size:
            text = "".join(drawn.choices(sentences, k=20))
            written += len(text.encode())
            yield text

    write(path, texts())


def write(path: Path, texts: Iterator[str]) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        group: list[str] = []
        held = 0
        for text in texts:
            group.append(text)
            held += len(text.encode())
            if held >= GROUP:
                writer.write_table(pa.table([group], schema=SCHEMA))
                group, held = [], 0
        if group:
            writer.write_table(pa.table([group], schema=SCHEMA))


def first(source: Path, target: Path, size: int) -> float:
    """The first documents of a file, about `size` bytes; megabytes written."""
    kept: list[str] = []
    held = 0
    for text in pq.read_table(source)["text"].to_pylist():
        kept.append(text)
        held += len(text.encode())
        if held >= size:
            break
    write(target, iter(kept))
    return held / 1e6


def megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6

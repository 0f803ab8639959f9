"""The texts that cleaning learns from, out of documents on disk into one buffer of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danlu.clean.parts import row_groups
from danlu.clean.preset import Family, family
from danlu.documents.store import document_parts
from danlu.text.buffers import text_buffers
from danlu.workspace.artifact import Artifact

LINE_BREAK = np.uint8(10)


class Sample(NamedTuple):
    """Bytes of texts one after another in the order of their digests, each with a line break behind it, their borders, and the
    families of their languages."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    digests: list[str]
    families: list[Family]


def read_sample(documents: Artifact, most: int, of: Family | None = None) -> Sample:
    """Texts of a family of languages (None: of all), each once. Where there are more bytes than `most`, those of the smallest
    digests: as good as drawn by lot, and the same in any order of documents."""
    sizes: dict[str, int] = {}
    families: dict[str, Family] = {}
    for group in _groups(documents, ["digest", "language", "text"]):
        columns = group["digest"], group["language"], pc.binary_length(group["text"])
        for digest, language, size in zip(*(column.to_pylist() for column in columns), strict=True):
            if of is None or family(language) == of:
                sizes[digest], families[digest] = size, family(language)
    chosen: set[str] = set()
    total = 0
    for digest in sorted(sizes):
        if not chosen or total + sizes[digest] <= most:
            chosen.add(digest)
            total += sizes[digest]
    found: dict[str, NDArray[np.uint8]] = {}
    for group in _groups(documents, ["digest", "text"]):
        data, offsets = text_buffers(group["text"])
        for row, digest in enumerate(group["digest"].to_pylist()):
            if digest in chosen and digest not in found:
                found[digest] = np.append(data[offsets[row] : offsets[row + 1]], LINE_BREAK)
    digests = sorted(found)
    ends = np.cumsum([0, *(len(found[digest]) for digest in digests)])
    data = np.concatenate([found[digest] for digest in digests] or [np.zeros(0, np.uint8)])
    return Sample(data, ends, digests, [families[digest] for digest in digests])


def _groups(documents: Artifact, columns: list[str]) -> Iterator[pa.Table]:
    for part in document_parts(documents / "documents"):
        yield from row_groups(part, columns)

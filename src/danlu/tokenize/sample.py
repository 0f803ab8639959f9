"""A sample of the documents, balanced by language: a pure function of the documents' digests, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from danlu.documents.store import read_documents
from danlu.workspace.digest import digest_bytes

CHUNK = 4096  # characters; long documents are drawn from by chunks, so that one book does not fill the sample


def bytes_by_language(directory: Path) -> dict[str, int]:
    """UTF-8 bytes of text in each language."""
    total: Counter[str] = Counter()
    for batch in read_documents(directory, ("language", "text")):
        table = pa.table({"language": batch.column(0), "bytes": pc.binary_length(batch.column(1))})
        for row in table.group_by("language").aggregate([("bytes", "sum")]).to_pylist():
            total[row["language"]] += row["bytes_sum"]
    return dict(sorted(total.items()))


def balanced(totals: Mapping[str, int], budget: int) -> dict[str, int]:
    """How many bytes of each language to take: equal shares of the budget; what a small language leaves goes to the others."""
    taken: dict[str, int] = {}
    left = budget
    for place, language in enumerate(sorted(totals, key=lambda name: (totals[name], name))):
        taken[language] = min(totals[language], left // (len(totals) - place))
        left -= taken[language]
    return taken


def sample(directory: Path, totals: Mapping[str, int], budget: int) -> Iterator[tuple[str, str]]:
    """(language, text) of about `budget` bytes: each chunk is in or out by the hash of its document's digest and its number."""
    shares = balanced(totals, budget)
    limits = {language: (shares[language] << 64) // totals[language] for language in totals if totals[language]}
    for batch in read_documents(directory, ("digest", "language", "text")):
        for digest, language, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for number, start in enumerate(range(0, len(text), CHUNK)):
                if int(digest_bytes(f"{digest}:{number}".encode(), 8), 16) < limits[language]:
                    yield language, text[start : start + CHUNK]

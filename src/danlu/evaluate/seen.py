"""Which rows of a test file stand in texts that a model may have learned from: exact and near copies, counted and listed."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from danlu.evaluate.data import TEXTS
from danlu.evaluate.files import FIELD_LIMIT, JSON_LINES, KNOWN, SEPARATORS, parquet_errors, read_object
from danlu.text.canonical import canonical
from danlu.text.copies import THRESHOLD, find_copies
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed
from danlu.workspace.sentences import Message, message


@dataclass(frozen=True)
class Seen:
    """A row of the test file that `source` holds: where there, in which text, how much of it, and whether as it is."""

    row: int
    where: str
    text: str
    similarity: float
    exact: bool


@dataclass(frozen=True)
class Overlap:
    """All rows of the test file that a source holds; `rows` were looked for in `texts` with `characters` in all (canonical)."""

    source: str
    rows: int
    texts: int
    characters: int
    found: Sequence[Seen]

    def sentence(self) -> Message:
        exact = sum(one.exact for one in self.found)
        key = "found" if self.found else "none"
        words: dict[str, object] = {"source": self.source, "rows": self.rows, "texts": self.texts}
        if self.found:
            words |= {"count": len(self.found), "exact": exact, "near": len(self.found) - exact}
        return message(f"evaluate.seen.{key}", **words)

    def to_json(self) -> dict[str, Any]:
        exact = sum(one.exact for one in self.found)
        return {
            "source": self.source, "rows": self.rows, "exact": exact, "near": len(self.found) - exact, "threshold": THRESHOLD,
            "texts": self.texts, "characters": self.characters,
        }  # fmt: skip


def overlap(texts: Sequence[str], source: str, named: Iterable[tuple[str, str]] | Path, most: int | None = None) -> Overlap:
    """The `texts` that stand in a source: a file or folder of texts, or pairs of (where, text) that can be read again.

    `most`: characters of the source that are read at most; how many were is in the result.
    """
    return overlaps([texts], source, named, most)[0]


def overlaps(
    groups: Sequence[Sequence[str]], source: str, named: Iterable[tuple[str, str]] | Path, most: int | None = None
) -> list[Overlap]:
    """As `overlap`, for several groups of texts, for which the source is read and searched together."""
    items = [canonical(text) for group in groups for text in group]
    names: list[str] = []
    kept: list[str] = []  # what is bounded is kept, so that it is made canonical once
    characters = 0

    def documents() -> Iterator[str]:
        nonlocal characters
        if kept:
            yield from kept
            return
        names.clear()
        characters = 0
        for where, text in _texts(named):
            if most is not None and characters >= most:
                return
            form = canonical(text)
            names.append(where)
            characters += len(form)
            if most is not None:
                kept.append(form)
            yield form

    copies = find_copies(items, documents)
    texts = _chosen(named, {one.document for one in copies})
    found = [Seen(one.item, names[one.document], texts[one.document], one.similarity, one.exact) for one in copies]
    result, start = [], 0
    for group in groups:
        end = start + len(group)
        mine = [replace(one, row=one.row - start) for one in found if start <= one.row < end]
        result.append(Overlap(source, sum(map(bool, items[start:end])), len(names), characters, mine))
        start = end
    return result


def _texts(named: Iterable[tuple[str, str]] | Path) -> Iterable[tuple[str, str]]:
    return read_texts(named) if isinstance(named, Path) else named


def _chosen(named: Iterable[tuple[str, str]] | Path, places: Collection[int]) -> dict[int, str]:
    """The texts at some places of a source."""
    last = max(places, default=-1)
    return {place: text for place, (_, text) in enumerate(islice(_texts(named), last + 1)) if place in places}


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """(where, text) of every text of a file, or of all files below a folder: a row each, and a plain text file as a whole.

    Of a Parquet file with a column `split`, as datasets have, only the training rows.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    known = [file for file in files if file.suffix.lower() in (*KNOWN, ".md")]
    if not known or not path.exists():
        raise DanluError("evaluate.no-texts", where=str(path), known=" ".join(KNOWN))
    for file in known:
        suffix = file.suffix.lower()
        if suffix == ".parquet":
            yield from _parquet(file)
        elif suffix in JSON_LINES:
            yield from _json_lines(file)
        elif suffix in SEPARATORS:
            yield from _delimited(file, SEPARATORS[suffix])
        else:
            yield str(file), file.read_text(encoding="utf-8", errors="replace")


def _column(file: Path, columns: Sequence[str]) -> str:
    found = next((name for name in TEXTS if name in columns), None)
    if found is None:
        raise DanluError(
            "evaluate.no-column", where=str(file), column=" / ".join(TEXTS[:4]), columns=listed(columns), option="text"
        )
    return found


def _parquet(file: Path) -> Iterator[tuple[str, str]]:
    with parquet_errors(file), pq.ParquetFile(file) as source:
        names = source.schema_arrow.names
        columns = [_column(file, names), *(["split"] if "split" in names else [])]
        row = 0
        for batch in source.iter_batches(batch_size=1024, columns=columns):
            splits = batch.column("split").to_pylist() if len(columns) > 1 else ["train"] * batch.num_rows
            for text, split in zip(batch.column(columns[0]).to_pylist(), splits, strict=True):
                row += 1
                if split == "train":
                    yield f"{file}:{row}", text or ""


def _json_lines(file: Path) -> Iterator[tuple[str, str]]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        column = None
        for number, line in enumerate(lines, start=1):
            if line.strip():
                fields = read_object(line, file, number)
                column = column or _column(file, list(fields))
                yield f"{file}:{number}", str(fields.get(column) or "")


def _delimited(file: Path, separator: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(FIELD_LIMIT)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines, delimiter=separator)
        column = _column(file, list(rows.fieldnames or ()))
        for fields in rows:
            yield f"{file}:{rows.line_num}", fields[column] or ""

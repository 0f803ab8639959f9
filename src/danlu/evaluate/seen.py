"""Which rows of a test file stand in texts that a model may have learned from: exact and near copies, counted and listed.

Each column of a row is looked for on its own: a question that stands in a corpus is no less known because its context does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.compressed import bare_suffix
from danlu.documents.delimited import delimited_rows
from danlu.evaluate.data import TEXTS, shown
from danlu.evaluate.files import (
    JSON_LINES,
    KNOWN,
    SEPARATORS,
    SPLIT,
    opened,
    parquet_errors,
    read_object,
)
from danlu.text.canonical import canonical
from danlu.text.copies import THRESHOLD, Reach, find_copies, reach
from danlu.workspace.errors import DanluError
from danlu.workspace.sentences import Message, message

Source = Path | Iterable[tuple[str, str]] | Callable[[], Iterable[tuple[str, str]]]
"""A file or folder of texts, or (where, text) that can be read again."""
LEARNED = "train"  # the split that was learned from, where a source has a column `split`


@dataclass(frozen=True)
class Seen:
    """A row of the test file that `source` holds: where there, in which text, how much of it, whether as it is, and whether it
    is so short that chance may have put it there, within a longer text."""

    row: int
    where: str
    text: str
    similarity: float
    exact: bool
    short: bool


@dataclass(frozen=True)
class Overlap:
    """All rows of the test file that a source holds; `rows` were looked for in `texts` with `characters` in all (canonical).

    `column`: which of several columns of a row was looked for. `tiny` of the rows were too short to look for within a text, so
    they are found only where a text equals them.
    """

    source: str
    rows: int
    texts: int
    characters: int
    found: Sequence[Seen]
    column: str | None = None
    tiny: int = 0

    def counts(self) -> dict[str, int]:
        """Rows that are there as they are, nearly, and as they are but so short that it may be chance."""
        short, near = sum(one.short for one in self.found), sum(not one.exact for one in self.found)
        return {"exact": len(self.found) - near - short, "near": near, "short": short}

    def sentence(self) -> Message:
        """What was found, of which column, and what could not be looked for."""
        key = "found" if self.found else "none"
        counts = self.counts()
        words = {
            "source": self.source,
            "rows": self.rows,
            "texts": self.texts,
            "count": len(self.found),
            "near": counts["near"],
        }
        words["exact"] = counts["exact"] + counts["short"]
        said = message(f"evaluate.seen.{key}", **words)
        if self.column is not None:
            said = message("evaluate.seen.column", column=self.column, sentence=said)
        if counts["short"]:
            said = message("evaluate.seen.short", sentence=said, short=counts["short"])
        if self.tiny:
            said = message("evaluate.seen.tiny", sentence=said, tiny=self.tiny)
        return said

    def to_json(self) -> dict[str, Any]:
        found = {
            "source": self.source, "rows": self.rows, **self.counts(), "tiny": self.tiny, "threshold": THRESHOLD,
            "texts": self.texts, "characters": self.characters,
        }  # fmt: skip
        return found if self.column is None else found | {"column": self.column}


def overlap(texts: Sequence[str], source: str, named: Iterable[tuple[str, str]] | Path, most: int | None = None) -> Overlap:
    """The `texts` that stand in a source: a file or folder of texts, or pairs of (where, text) that can be read again.

    `most`: characters of the source that are read at most; how many were is in the result.
    """
    return overlaps([texts], source, named, most)[0]


def overlaps_by_column(
    columns: Mapping[str, Sequence[str]], source: str, named: Iterable[tuple[str, str]] | Path, most: int | None = None
) -> list[Overlap]:
    """As `overlap`, for each column of the test rows. Of a file the same columns are read, if it has them."""
    read = partial(read_texts, named, columns) if isinstance(named, Path) else named
    found = overlaps(list(columns.values()), source, read, most)
    if len(columns) < 2:
        return found
    return [replace(one, column=column) for column, one in zip(columns, found, strict=True)]


def overlaps(groups: Sequence[Sequence[str]], source: str, named: Source, most: int | None = None) -> list[Overlap]:
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
        for where, text in _texts_of(named):
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
    reaches = [reach(item) for item in items]
    found = []
    for one in copies:
        text = texts[one.document]
        short = reaches[one.item] is not Reach.NEAR and canonical(text) != items[one.item]
        found.append(Seen(one.item, names[one.document], text, one.similarity, one.exact, short))
    result, start = [], 0
    for group in groups:
        end = start + len(group)
        mine = [replace(one, row=one.row - start) for one in found if start <= one.row < end]
        there = [how for item, how in zip(items[start:end], reaches[start:end], strict=True) if item]
        result.append(Overlap(source, len(there), len(names), characters, mine, tiny=there.count(Reach.WHOLE)))
        start = end
    return result


def _texts_of(named: Source) -> Iterable[tuple[str, str]]:
    if isinstance(named, Path):
        return read_texts(named)
    return named() if callable(named) else named


def _chosen(named: Source, places: Collection[int]) -> dict[int, str]:
    """The texts at some places of a source."""
    last = max(places, default=-1)
    return {place: text for place, (_, text) in enumerate(islice(_texts_of(named), last + 1)) if place in places}


def read_texts(path: Path, columns: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """(where, text) of every text of a file, or of all files below a folder: of a row its cells in `columns` and in columns
    with a usual name, else all its texts; a plain text file is one text.

    Of a file with a column `split`, as datasets have, only the training rows.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    known = [file for file in files if bare_suffix(file) in (*KNOWN, ".md")]
    if not known or not path.exists():
        raise DanluError("evaluate.no-texts", where=str(path), known=" ".join(KNOWN))
    wanted = dict.fromkeys((*columns, *TEXTS))
    for file in known:
        if bare_suffix(file) in (*JSON_LINES, *SEPARATORS, ".parquet"):
            for number, fields in _fields(file, wanted):
                if fields.get(SPLIT, LEARNED) == LEARNED:
                    for text in _texts(fields, wanted):
                        yield f"{file}:{number}", text
        else:
            with opened(file, errors="replace") as words:
                yield str(file), words.read()


def _texts(fields: Mapping[str, Any], wanted: Collection[str]) -> list[str]:
    named = [fields[name] for name in wanted if name in fields]
    cells = named or [cell for name, cell in fields.items() if name != SPLIT]
    return [text for cell in cells for text in _strings(cell)]


def _strings(cell: Any) -> Iterator[str]:
    """The texts of a cell: itself, a list of words as one, those within messages and other records."""
    if isinstance(cell, str) or (isinstance(cell, list) and all(isinstance(word, str) for word in cell)):
        yield shown(cell)
    elif isinstance(cell, (list, Mapping)):
        for part in cell.values() if isinstance(cell, Mapping) else cell:
            yield from _strings(part)


def _fields(file: Path, wanted: Collection[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    suffix = bare_suffix(file)
    if suffix == ".parquet":
        yield from _parquet(file, wanted)
        return
    with opened(file, newline="" if suffix in SEPARATORS else None, errors="replace") as lines:
        if suffix in SEPARATORS:
            yield from delimited_rows(lines, SEPARATORS[suffix], file)
            return
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, read_object(line, file, number)


def _parquet(file: Path, wanted: Collection[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """In batches, since a corpus may not fit into memory, and only the columns that hold texts."""
    with parquet_errors(file), pq.ParquetFile(file) as source:
        names = [field.name for field in source.schema_arrow if _is_text(field.type)]
        chosen = [name for name in wanted if name in names] or names
        row = 0
        for batch in source.iter_batches(batch_size=1024, columns=[*chosen, *({SPLIT} & {*names} - {*chosen})]):
            for fields in batch.to_pylist():
                row += 1
                yield row, fields


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_text(kind.value_type)
    if pa.types.is_struct(kind):
        return any(_is_text(field.type) for field in kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))

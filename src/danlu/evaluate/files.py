"""Files of rows that a person brings: JSON lines, CSV, TSV, Parquet, or plain text with a row a line, as columns.

A row that cannot be read is an error with its line: a number over some of the rows would be about other data than it says.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.workspace.digest import digest_file
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

SPLIT = "split"
"""The column that says which rows were learned from (`train`), chosen by (`validation`) and left alone until now (`test`)."""
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
PLAIN = (".txt", ".text")
KNOWN = (*JSON_LINES, *SEPARATORS, ".parquet", *PLAIN)
FIELD_LIMIT = 2**31 - 1  # characters of a CSV field; Python's default of 131,072 is too few for documents


@dataclass(frozen=True)
class Table:
    """Columns of equal length, and the line (of Parquet: the row) that each row ends on. A cell that is not there is None."""

    path: Path
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    key: str  # digest of the file's bytes

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        return f"{self.path}:{self.lines[row]}"

    def take(self, rows: Sequence[int]) -> Table:
        """Some of the rows."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return replace(self, columns=columns, lines=[self.lines[row] for row in rows])

    def of_split(self, split: str) -> Table:
        """The rows whose column `split` says so; all of a file that has no such column. DanluError where there are none."""
        if SPLIT not in self.columns:
            return self
        rows = [row for row, name in enumerate(self.columns[SPLIT]) if name == split]
        if not rows:
            found = listed(sorted({str(name) for name in self.columns[SPLIT] if name}))
            raise DanluError("evaluate.no-split", where=str(self.path), split=split, found=found)
        return self.take(rows)


def read_table(path: Path) -> Table:
    """All rows. DanluError if there is no such file, no row, a broken one, or bytes that are not UTF-8."""
    if not path.is_file():
        raise DanluError("evaluate.no-file", where=str(path), name=str(path))
    suffix = path.suffix.lower()
    if suffix not in KNOWN:
        raise DanluError("evaluate.format", where=str(path), suffix=suffix or "-", known=" ".join(KNOWN))
    try:
        rows = list(_parquet(path) if suffix == ".parquet" else _rows(path, suffix))
    except UnicodeDecodeError as error:
        raise DanluError("evaluate.encoding", where=str(path), place=error.start) from None
    if not rows:
        raise DanluError("evaluate.no-rows", where=str(path))
    names = dict.fromkeys(name for _, fields in rows for name in fields)
    return Table(
        path, {name: [fields.get(name) for _, fields in rows] for name in names}, [line for line, _ in rows], digest_file(path)
    )


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Say what is wrong with a Parquet file that cannot be read."""
    try:
        yield
    except pa.ArrowException as error:
        raise DanluError("evaluate.parquet", where=str(path), reason=str(error).splitlines()[0][:200]) from error


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with parquet_errors(path):
        yield from enumerate(pq.read_table(path).to_pylist(), start=1)


def _rows(path: Path, suffix: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="" if suffix in SEPARATORS else None) as file:
        if suffix in SEPARATORS:
            csv.field_size_limit(FIELD_LIMIT)
            reader = csv.DictReader(file, delimiter=SEPARATORS[suffix])
            for fields in reader:
                if None in fields or None in fields.values():
                    expected = len(reader.fieldnames or ())
                    raise DanluError("predict.fields", where=str(path), line=reader.line_num, expected=expected)
                yield reader.line_num, fields
            return
        for line, words in enumerate(file, start=1):
            if words.strip():
                yield line, {"text": words.rstrip("\n")} if suffix in PLAIN else read_object(words, path, line)


def read_object(words: str, path: Path, line: int) -> dict[str, Any]:
    """The JSON object on a line."""
    try:
        found = json.loads(words)
        reason = "" if isinstance(found, dict) else type(found).__name__
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", type(error).__name__)
    if reason:
        raise DanluError("inference.not-json", where=f"{path}:{line}", line=line, reason=reason)
    return found  # type: ignore[no-any-return]

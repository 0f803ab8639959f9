"""Files of rows that a person brings: JSON lines, CSV, TSV, Parquet, or plain text with a row a line, as columns; or a folder
of such files. All but Parquet may be compressed (gzip, Zstandard).

A row that cannot be read is an error with its line: a number over some of the rows would be about other data than it says.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from danlu.documents.compressed import bare_name, bare_suffix, open_whole
from danlu.documents.delimited import delimited_rows
from danlu.evaluate.numbered import names_in, with_names
from danlu.text.charset import codec
from danlu.workspace.digest import digest_file, digest_json
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import listed

SPLIT = "split"
"""The column that says which rows were learned from (`train`), chosen by (`validation`) and left alone until now (`test`)."""
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
PLAIN = (".txt", ".text")
OF_A_FOLDER = (*JSON_LINES, *SEPARATORS, ".parquet")
"""What is read of a folder. Plain text is not: there it is a README or a licence."""
KNOWN = (*OF_A_FOLDER, *PLAIN)


@dataclass(frozen=True)
class Table:
    """Columns of equal length, and the line (of Parquet: the row) that each row ends on. A cell that is not there is None.

    `files`: the name of each row's file, where `path` is a folder.
    """

    path: Path
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    key: str  # digest of the bytes of the file, or of the names and bytes of all files
    files: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        return f"{self.path / self.files[row] if self.files is not None else self.path}:{self.lines[row]}"

    def place(self, row: int) -> dict[str, Any]:
        """The row's line, and its file where there are several, as fields of a record."""
        line = {"line": self.lines[row]}
        return line if self.files is None else {"file": self.files[row], **line}

    def take(self, rows: Sequence[int]) -> Table:
        """Some of the rows."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        files = None if self.files is None else [self.files[row] for row in rows]
        return replace(self, columns=columns, lines=[self.lines[row] for row in rows], files=files)

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
    """All rows of a file; or those of all files of a folder (not below it), in the order of their names.

    DanluError if there is no such file, no row, a broken one, or bytes in no encoding that is known.
    """
    if not path.is_dir():
        return _read_file(path)
    files = [file for file in sorted(path.iterdir()) if bare_suffix(file) in OF_A_FOLDER and not file.name.startswith(".")]
    if not files:
        raise DanluError("evaluate.no-files", where=str(path), known=" ".join(OF_A_FOLDER))
    tables = [_read_file(file) for file in files]
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {name: [cell for table in tables for cell in table.columns.get(name, [None] * len(table))] for name in names}
    lines = [line for table in tables for line in table.lines]
    key = digest_json([(table.path.name, table.key) for table in tables], 32)
    return Table(path, columns, lines, key, [table.path.name for table in tables for _ in table.lines])


def stem(name: str) -> str:
    """A file's name without its format and compression."""
    return Path(bare_name(name)).stem


def _read_file(path: Path) -> Table:
    if not path.is_file():
        raise DanluError("evaluate.no-file", where=str(path), name=str(path))
    suffix = bare_suffix(path)
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
        table = pq.read_table(path)
    names = names_in(table.schema)
    for row, fields in enumerate(table.to_pylist(), start=1):
        yield row, fields | {column: with_names(fields[column], names[column]) for column in names.keys() & fields.keys()}


def _rows(path: Path, suffix: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with opened(path, newline="" if suffix in SEPARATORS else None) as file:
        if suffix in SEPARATORS:
            yield from delimited_rows(file, SEPARATORS[suffix], path)
            return
        for line, words in enumerate(file, start=1):
            if words.strip():
                yield line, {"text": words.rstrip("\n")} if suffix in PLAIN else read_object(words, path, line)


def opened(path: Path, newline: str | None = None, errors: str = "strict") -> IO[str]:
    """The text of a file, decompressed, by the encoding that it is in."""
    with open_whole(path) as file:
        encoding = codec(file)
    return io.TextIOWrapper(open_whole(path), encoding, errors, newline)


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

"""Rows of text files (a text a line, JSON lines, CSV) as they are read, a line at a time, and as they are written."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from danlu.documents.compressed import bare_suffix, open_whole
from danlu.documents.delimited import FIELD_LIMIT, TAB, by_tabs, tab_names, uneven_line
from danlu.text.charset import codec
from danlu.workspace.errors import DanluError
from danlu.workspace.files import disk_errors, make_folder
from danlu.workspace.messages import listed

Write = Callable[[Mapping[str, Any]], None]
Quarantine = Callable[[int, DanluError], None]
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
ENCODING = "utf-8-sig"  # of standard input, which cannot be read twice to tell


@dataclass(frozen=True)
class Row:
    """The fields of a row, and the line that it ends on."""

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """A row that cannot be used, and why."""

    line: int
    error: DanluError


@contextmanager
def open_rows(source: Path | None, text_column: str) -> Iterator[Iterator[Row | Bad]]:
    """The rows of a file, perhaps compressed (None: standard input, a text a line). A good row has a text in `text_column`."""
    where = str(source or "-")
    with ExitStack() as stack:
        try:
            file: BinaryIO = sys.stdin.buffer if source is None else stack.enter_context(open_whole(source))
        except (FileNotFoundError, IsADirectoryError) as error:
            raise DanluError("inference.no-file", where=where, name=where) from error
        suffix = bare_suffix(source) if source is not None else ""
        encoding = ENCODING
        if source is not None:
            encoding = codec(file)
            file.seek(0)
        # Bytes that do not fit become lone surrogates, so that they spoil their own row and no other.
        text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="" if suffix in SEPARATORS else None)
        if source is None:
            stack.callback(text.detach)  # closing it would close standard input
        yield _checked(read_rows(text, suffix, text_column, where), where)


def read_rows(file: TextIO, suffix: str, text_column: str, where: str) -> Iterator[Row | Bad]:
    """Rows of an open file; a DanluError at once if the first row shows that the column is not there."""
    if suffix in SEPARATORS:
        return _csv_rows(file, SEPARATORS[suffix], text_column, where)
    if suffix in JSON_LINES:
        return _json_rows(file, text_column, where)
    lines = enumerate(file, start=1)
    return (Row(number, {text_column: line.rstrip("\n")}) for number, line in lines if line.strip())


def _csv_rows(file: TextIO, separator: str, text_column: str, where: str) -> Iterator[Row | Bad]:
    if separator == TAB and uneven_line(file) is None:
        yield from _tab_rows(file, text_column, where)
        return
    csv.field_size_limit(FIELD_LIMIT)
    reader = csv.DictReader(file, delimiter=separator)
    names = list(reader.fieldnames or ())
    if text_column not in names:
        raise _no_column(text_column, names, where)
    for fields in reader:
        line = reader.line_num
        if None in fields or None in fields.values():
            yield Bad(line, DanluError("predict.fields", where=f"{where}:{line}", line=line, expected=len(names)))
        else:
            yield _with_text(line, dict(fields), text_column, where)


def _tab_rows(file: TextIO, text_column: str, where: str) -> Iterator[Row | Bad]:
    """Of a TSV whose tabs alone part the cells: a quotation mark in it is a letter like any other."""
    names = tab_names(file)
    if text_column not in names:
        raise _no_column(text_column, names, where)
    for line, fields in by_tabs(file):
        yield _with_text(line, dict(fields), text_column, where)


def _json_rows(file: TextIO, text_column: str, where: str) -> Iterator[Row | Bad]:
    seen = False
    for line, words in enumerate(file, start=1):
        if not words.strip():
            continue
        try:
            fields = json.loads(words)
            reason = "" if isinstance(fields, dict) else type(fields).__name__
        except (json.JSONDecodeError, RecursionError) as error:
            reason = getattr(error, "msg", type(error).__name__)
        if reason:
            yield Bad(line, DanluError("inference.not-json", where=f"{where}:{line}", line=line, reason=reason))
            continue
        if not seen and text_column not in fields:  # most likely the wrong name, not a bad row
            raise _no_column(text_column, fields, f"{where}:{line}")
        seen = True
        yield _with_text(line, fields, text_column, where)


def _with_text(line: int, fields: dict[str, Any], text_column: str, where: str) -> Row | Bad:
    value = fields.get(text_column)
    if not isinstance(value, str) or not value.strip():
        return Bad(line, DanluError("predict.no-text", where=f"{where}:{line}", line=line, column=text_column))
    return Row(line, fields)


def _no_column(column: str, names: Iterable[str], where: str) -> DanluError:
    return DanluError("inference.no-column", where=where, column=column, columns=listed(names))


def _checked(rows: Iterator[Row | Bad], where: str) -> Iterator[Row | Bad]:
    """Rows of whole characters. If the first that is not ASCII does not fit, the file is in another encoding: an error. So are
    bytes that leave no way to tell where the next row begins (half a character of UTF-16)."""
    seen, line = False, 0
    while True:
        try:
            row = next(rows, None)
        except UnicodeDecodeError:
            raise DanluError("predict.encoding", where=f"{where}:{line + 1}", line=line + 1) from None
        if row is None:
            return
        line = row.line
        words = "" if isinstance(row, Bad) else json.dumps(row.fields, ensure_ascii=False)
        if words.isascii():
            yield row
            continue
        try:
            words.encode()
        except UnicodeEncodeError:
            error = DanluError("predict.encoding-line", where=f"{where}:{row.line}", line=row.line)
            if not seen:
                raise DanluError("predict.encoding", where=f"{where}:{row.line}", line=row.line) from None
            yield Bad(row.line, error)
        else:
            seen = True
            yield row


@contextmanager
def open_sinks(source: Path | None, output: Path | None) -> Iterator[tuple[Write, Quarantine]]:
    """Where answers and quarantined rows go. Files have their names only once they are whole; a failure leaves none."""
    separator = SEPARATORS.get(output.suffix.lower()) if output is not None else None
    if separator is None and source is not None and (output is None or output.suffix.lower() not in JSON_LINES):
        separator = SEPARATORS.get(bare_suffix(source))
    if output is None:
        yield _writer(sys.stdout, separator), _tell
        return
    kept = output.with_name(f"{output.name}.quarantine.jsonl")
    partials = {path: path.with_name(f".{path.name}.partial") for path in (output, kept)}
    if output.is_dir():
        raise DanluError("predict.output-folder", where=str(output))
    make_folder(output.parent)
    with disk_errors(output):
        try:
            with (
                partials[output].open("w", encoding="utf-8", newline="") as good,
                partials[kept].open("w", encoding="utf-8") as bad,
            ):
                yield _writer(good, separator), _keeper(bad)
                quarantined = bad.tell() > 0
            partials[output].replace(output)
            kept.unlink(missing_ok=True)  # of an earlier run
            if quarantined:
                partials[kept].replace(kept)
        finally:
            for partial in partials.values():
                partial.unlink(missing_ok=True)


def _tell(_: int, error: DanluError) -> None:
    print(error, file=sys.stderr)


def _keeper(file: TextIO) -> Quarantine:
    def keep(line: int, error: DanluError) -> None:
        fields = {"line": line, "reason": error.key, "message": error.explain()["what"]}
        file.write(json.dumps(fields, ensure_ascii=False) + "\n")

    return keep


def _writer(file: TextIO, separator: str | None) -> Write:
    """Writes rows as JSON lines, or as CSV with the fields of the first row (`probabilities` becomes a column a class)."""
    table: csv.DictWriter[str] | None = None

    def write_json(row: Mapping[str, Any]) -> None:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def write_csv(row: Mapping[str, Any]) -> None:
        nonlocal table
        flat = dict(chain.from_iterable(_flat(name, value) for name, value in row.items()))
        if table is None:
            table = csv.DictWriter(file, list(flat), delimiter=separator or ",", extrasaction="ignore", lineterminator="\n")
            table.writeheader()
        table.writerow(flat)

    return write_json if separator is None else write_csv


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"{name}.{key}", inner) for key, inner in value.items())
    elif isinstance(value, list):
        yield name, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, bool):
        yield name, str(value).lower()
    else:
        yield name, value

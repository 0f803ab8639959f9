"""Comma- and tab-separated values with a header row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from danlu.collect.encoding import Line, read_lines
from danlu.collect.locate import SourceFile
from danlu.collect.readers.fields import require_columns, to_record
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.compressed import bare_suffix
from danlu.documents.schema import MOST_BYTES

_LOOKED_AT = 200  # lines that tell whether tabs alone part the columns


class _TooLongError(Exception):
    """A record has more bytes than a record may: most often a quote that nothing closes."""


class _Feed:
    """Lines for the csv reader, counted a record, so that a quote that nothing closes does not swallow the file.

    An iterator by hand because it must go on after it has raised, which a generator cannot.
    """

    def __init__(self, path: Path, name: str, most: int) -> None:
        self.lines = read_lines(path, name, most)
        self.most = most
        self.number = 0
        self.first = 1
        self.bytes = 0
        self.rejected: list[Rejected] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        for line in self.lines:
            if isinstance(line, Rejected):
                self.rejected.append(line)
                continue
            if not self.bytes:
                self.first = line.number
            self.number = line.number
            self.bytes += len(line.text.encode("utf-8", "surrogatepass")) + 1
            if self.bytes > self.most:
                raise _TooLongError
            return line.text + "\n"
        raise StopIteration


def read_csv(file: SourceFile, layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Rows as records, numbered by their first line. A row with other than the header's columns is rejected."""
    plain = bare_suffix(file.path) == ".tsv" and _tabs_suffice(file, most)
    delimiter = "\t" if bare_suffix(file.path) == ".tsv" else ","
    csv.field_size_limit(2 * MOST_BYTES)  # the feed bounds a record; the module's own limit is 128 kB
    feed = _Feed(file.path, file.name, 2 * most)  # other columns and doubled quotes take room too
    rows = csv.reader(feed, delimiter=delimiter, strict=True, quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL)
    header: list[str] | None = None
    while True:
        feed.bytes = 0
        try:
            row = next(rows, None)
            reason, parameters = "columns", {"found": len(row or ()), "expected": len(header or ())}
        except (_TooLongError, csv.Error) as error:
            row, reason, parameters = [], "csv", {"first": feed.first, "last": feed.number}
            if isinstance(error, _TooLongError):
                reason, parameters = "too-long", {"bytes": feed.bytes, "most": most}
        yield from feed.rejected
        feed.rejected.clear()
        if row is None:
            return
        where = f"{file.name}:{feed.first}"
        if not row and reason == "columns":
            continue  # a blank line
        if header is None and row:
            header = [name.strip() for name in row]
            require_columns(file, layout, header)
        elif header is None or len(row) != len(header):
            yield Rejected(where, reason, parameters)
        else:
            values = [_unquoted(value) for value in row] if plain else row
            yield to_record(file, layout, feed.first, where, dict(zip(header, values, strict=True)), most)


def _tabs_suffice(file: SourceFile, most: int) -> bool:
    """Whether every one of the first lines has as many tabs: then a quote is a letter like any other."""
    lines = [line for line in islice(read_lines(file.path, file.name, most), _LOOKED_AT) if isinstance(line, Line)]
    return len({line.text.count("\t") for line in lines if line.text}) <= 1


def _unquoted(value: str) -> str:
    """A quoted field of a spreadsheet without its quotes; a text that only has quotes in it as it is."""
    inner = value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return value

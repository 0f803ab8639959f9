"""Comma- and tab-separated values with a header row, as rows by column.

In a TSV a quotation mark is mostly a letter like any other. A CSV reader takes all up to the next one as one cell, over the
ends of lines, so rows would go missing without a word. Where each line has as many tabs as the header, tabs alone part the
cells, and only a cell that is quoted as spreadsheets quote is taken out of its quotes. Elsewhere quoting must be well formed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from danlu.workspace.errors import DanluError

FIELD_LIMIT = 2**31 - 1  # characters of a cell; Python's default of 131,072 is too few for documents
TAB = "\t"

Row = tuple[int, dict[str, str]]
"""The line that a row ends on, and its cells by column."""


def delimited_rows(file: IO[str], separator: str, path: Path) -> Iterator[Row]:
    """All rows of an open file (`newline=""`, and it can go back to its beginning). DanluError with the line of a row that has
    more or fewer cells than the header, or whose quotation marks do not fit."""
    uneven = uneven_line(file) if separator == TAB else None
    if separator == TAB and uneven is None:
        return by_tabs(file)
    return _by_quotes(file, separator, path, uneven)


def uneven_line(file: IO[str]) -> int | None:
    """The first line that has more or fewer tabs than the header; None: tabs alone part the cells. The file goes back to its
    beginning."""
    lines = ((number, line.count(TAB)) for number, line in enumerate(file, start=1) if line.strip("\r\n"))
    _, most = next(lines, (0, 0))
    found = next((number for number, tabs in lines if tabs != most), None)
    file.seek(0)
    return found


def by_tabs(file: IO[str]) -> Iterator[Row]:
    """The rows of a file that has no `uneven_line`."""
    lines = _cells(file)
    _, names = next(lines, (0, []))
    return ((number, dict(zip(names, cells, strict=True))) for number, cells in lines)


def tab_names(file: IO[str]) -> list[str]:
    """The columns that the header of such a file names, none if it is empty. The file goes back to its beginning."""
    _, names = next(_cells(file), (0, []))
    file.seek(0)
    return names


def _cells(file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that has any, with its number."""
    for number, line in enumerate(file, start=1):
        if words := line.rstrip("\r\n"):
            yield number, [_unquoted(cell) for cell in words.split(TAB)]


def _unquoted(cell: str) -> str:
    """A cell that a spreadsheet put in quotes without them; one that only has quotation marks in it as it is."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _by_quotes(file: IO[str], separator: str, path: Path, uneven: int | None) -> Iterator[Row]:
    csv.field_size_limit(FIELD_LIMIT)
    taken: list[str] = []  # lines of the row that is being read

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    rows = csv.reader(lines(), delimiter=separator, strict=True)
    names: list[str] | None = None
    while True:
        taken.clear()
        first = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise _unfit(path, first, rows.line_num, uneven, names) from error
        if cells is None:
            return
        if names is None:
            names = cells or None
        elif separator == TAB and sum(line.count(TAB) == len(names) - 1 for line in taken) > 1:
            raise _unfit(path, first, rows.line_num, uneven, names)  # several whole rows in one pair of quotation marks
        elif cells:
            if len(cells) != len(names):
                raise DanluError("predict.fields", where=str(path), line=rows.line_num, expected=len(names))
            yield rows.line_num, dict(zip(names, cells, strict=True))


def _unfit(path: Path, first: int, last: int, uneven: int | None, names: list[str] | None) -> DanluError:
    """Where quotation marks do not part the cells of a TSV, tabs were meant to, and the uneven line is what is wrong."""
    if uneven is not None and names is not None:
        return DanluError("predict.fields", where=str(path), line=uneven, expected=len(names))
    return DanluError("evaluate.quotes", where=f"{path}:{first}", first=first, last=last)

"""Plain text: one document a file, or one a line."""

from __future__ import annotations

from collections.abc import Iterator

from danlu.collect.encoding import BAD, Line, read_lines, read_whole
from danlu.collect.locate import SourceFile
from danlu.collect.records import Layout, Record, Rejected
from danlu.documents.schema import MOST_BYTES


def read_txt(file: SourceFile, _layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """The whole file as one record. A line that does not decode is rejected and left out, the rest stays."""
    whole = read_whole(file.path, most)
    if whole is not None:
        text = whole.replace("\r\n", "\n")
        text = text.removesuffix("\n") if text.endswith("\n") else text.removesuffix("\r")
        if whole:
            yield Record(0, text, file.label) if text.strip() else Rejected(file.name, "empty")
        return
    kept: list[str] = []
    length = 0
    for line in good_lines(file, most):
        if isinstance(line, Rejected):
            yield line
            continue
        length += len(line.text.encode("utf-8")) + 1
        if length > most + 1:  # the last line end is not part of the text
            kept = []
        else:
            kept.append(line.text)
    if length > most + 1:
        yield Rejected(file.name, "too-long", {"bytes": length - 1, "most": most})
    elif kept:
        text = "\n".join(kept)
        yield Record(0, text, file.label) if text.strip() else Rejected(file.name, "empty")


def read_text_lines(file: SourceFile, _layout: Layout, most: int = MOST_BYTES) -> Iterator[Record | Rejected]:
    """Each line that is not blank as a record, numbered by its line."""
    for line in good_lines(file, most):
        if isinstance(line, Rejected):
            yield line
        elif text := line.text.strip():
            yield Record(line.number, text, file.label)


def good_lines(file: SourceFile, most: int) -> Iterator[Line | Rejected]:
    """The lines of a file; those with bytes that do not decode are rejected."""
    for line in read_lines(file.path, file.name, most):
        if isinstance(line, Line) and BAD in line.text:
            yield Rejected(f"{file.name}:{line.number}", "encoding")
        else:
            yield line

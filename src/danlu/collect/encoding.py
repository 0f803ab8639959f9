"""Bytes to lines of text, in bounded memory. What is in no encoding that `danlu.text.charset` knows is rejected."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from danlu.collect.records import Rejected
from danlu.documents.compressed import damage, open_bytes
from danlu.documents.schema import MOST_BYTES
from danlu.text.charset import Bytes, chunks, detect

BAD = "\udcff"  # stands in a line for bytes that do not decode; a lone surrogate can come from no valid file


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; what is no text in it (bytes that do not decode, NUL) is `BAD`. `number` counts from 1."""

    number: int
    text: str


def read_whole(path: Path, most: int = MOST_BYTES) -> str | None:
    """The text, without its mark, of a file of up to `most` bytes that is sound UTF-8 without NUL; None of any other, which is
    to be read line by line."""
    with open_bytes(path) as file:
        data = file.read(most + 1)
        if len(data) > most or damage(file) or b"\0" in data:
            return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def read_lines(path: Path, name: str, most: int = MOST_BYTES) -> Iterator[Line | Rejected]:
    """The lines of a text file. A line longer than `most` bytes of UTF-8, and a file that is no text, are rejected.

    Of a compressed file that is damaged, the whole lines before the damage are given.
    """
    number = 0
    with open_bytes(path) as file:
        coding = detect(file)
        if isinstance(coding, str):
            yield Rejected(name, coding)
            return
        file.seek(coding.mark)
        for number, pieces in enumerate(_lines(file, coding.name, most), 1):
            if isinstance(pieces, int):
                yield Rejected(f"{name}:{number}", "too-long", {"bytes": pieces, "most": most})
                continue
            text = _decode(pieces, coding.name if coding.name == "gb18030" else "utf-8").replace("\0", BAD)
            if len(text) * 4 > most and len(text.encode("utf-8", "replace")) > most:
                yield Rejected(f"{name}:{number}", "too-long", {"bytes": len(text.encode("utf-8", "replace")), "most": most})
            else:
                yield Line(number, text)
        if reason := damage(file):
            yield Rejected(f"{name}:{number + 1}", "compressed", {"reason": reason})


def _lines(file: io.BufferedReader, encoding: str, most: int) -> Iterator[bytes | int]:
    """Lines as bytes without their end, or the length of a line longer than `most`, of which no more is kept.

    UTF-16 and UTF-32 become UTF-8 on the way. In GB18030 as in UTF-8 the byte of a line feed is nothing else.
    """
    pieces = chunks(file) if encoding in ("utf-8", "gb18030") else _transcoded(file, encoding)
    kept: list[bytes] = []
    length = 0
    for chunk in pieces:
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            length += end - begin
            if length > most:
                yield length
            else:
                kept.append(chunk[begin:end])
                yield b"".join(kept).removesuffix(b"\r")
            kept, length, begin = [], 0, end + 1
        length += len(chunk) - begin
        if length > most:
            kept = []
        elif begin < len(chunk):
            kept.append(chunk[begin:])
    if length and not damage(file):
        yield length if length > most else b"".join(kept).removesuffix(b"\r")


def _transcoded(file: Bytes, encoding: str) -> Iterator[bytes]:
    """UTF-16 or UTF-32 as UTF-8; what does not decode becomes bytes that are not UTF-8, so that its line is found bad."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks(file):
        yield decoder.decode(chunk).encode("utf-8").replace("\ufffd".encode(), b"\xff")
    yield decoder.decode(b"", final=True).encode("utf-8").replace("\ufffd".encode(), b"\xff")


def _decode(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return line.decode(encoding, "replace").replace("\ufffd", BAD)

"""Bytes to lines of text, in bounded memory.

UTF-8 is the rule. UTF-16 and UTF-32 are told by their byte order mark. A file that is mostly not UTF-8 is read as
GB18030 if nearly all of it decodes and the result looks like Chinese that people write; almost any bytes decode as
GB18030, Korean and Japanese encodings among them, so decoding alone proves nothing. The rest is rejected.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from danlu.collect.records import Rejected
from danlu.documents.schema import MOST_BYTES

BAD = "\udcff"  # stands in a line for bytes that do not decode; a lone surrogate can come from no valid file

_CHUNK = 1 << 20
_HEAD = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MOST_BAD_SHARE = 0.01  # of the lines with bytes above ASCII, in a file that is to pass as GB18030
_COMMON_SHARE = 0.7  # least share of everyday Han and punctuation among what is not ASCII
_FREQUENT_SHARE = 0.12  # least share of the most frequent Han among Han; Chinese has about .4, chance gives .04
_FREQUENT = frozenset(
    "的一是不了在人有我他这個个们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着下自之年过過发發后後作里裡"
    "用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想"
    "日月水无無此外将將与與很最新全由书書店价價买買货貨房"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; what is no text in it (bytes that do not decode, NUL) is `BAD`. `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Coding:
    """An encoding and how many bytes of mark the file begins with."""

    name: str
    mark: int = 0


def detect(path: Path) -> Coding | str:
    """The encoding of a file, or the reason why it is rejected: `binary` or `encoding`. Reads the file once or twice."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return Coding(name, len(mark))
        if b"\0" in head:
            return "binary"
        if _decodes(file):
            return Coding("utf-8")
        lines, high, bad, _ = _survey(file, "utf-8")
        if 2 * bad <= high:
            return Coding("utf-8")
        _, _, bad_chinese, sample = _survey(file, "gb18030")
        if bad_chinese <= _MOST_BAD_SHARE * high and looks_chinese(sample):
            return Coding("gb18030")
        return Coding("utf-8") if 2 * bad <= lines else "encoding"  # ASCII with a few broken lines


def looks_chinese(text: str) -> bool:
    """Whether what is not ASCII in `text` is everyday Chinese, simplified or traditional, by which characters it has."""
    high = [character for character in text if character > "\x7f"]
    common = [character for character in high if _is_common(character)]
    han = [character for character in common if character >= "\u4e00"]
    frequent = sum(character in _FREQUENT for character in han)
    return bool(han) and len(common) >= _COMMON_SHARE * len(high) and frequent >= _FREQUENT_SHARE * len(han)


def read_lines(path: Path, name: str, most: int = MOST_BYTES) -> Iterator[Line | Rejected]:
    """The lines of a text file. A line longer than `most` bytes of UTF-8, and a file that is no text, are rejected."""
    coding = detect(path)
    if isinstance(coding, str):
        yield Rejected(name, coding)
        return
    with path.open("rb") as file:
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


def _lines(file: BinaryIO, encoding: str, most: int) -> Iterator[bytes | int]:
    """Lines as bytes without their end, or the length of a line longer than `most`, of which no more is kept.

    UTF-16 and UTF-32 become UTF-8 on the way. In GB18030 as in UTF-8 the byte of a line feed is nothing else.
    """
    chunks = _chunks(file) if encoding in ("utf-8", "gb18030") else _transcoded(file, encoding)
    kept: list[bytes] = []
    length = 0
    for chunk in chunks:
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
    if length:
        yield length if length > most else b"".join(kept).removesuffix(b"\r")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _transcoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    """UTF-16 or UTF-32 as UTF-8; what does not decode becomes bytes that are not UTF-8, so that its line is found bad."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in _chunks(file):
        yield decoder.decode(chunk).encode("utf-8").replace("\ufffd".encode(), b"\xff")
    yield decoder.decode(b"", final=True).encode("utf-8").replace("\ufffd".encode(), b"\xff")


def _decode(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return line.decode(encoding, "replace").replace("\ufffd", BAD)


def _decodes(file: BinaryIO) -> bool:
    """Whether the whole file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _survey(file: BinaryIO, encoding: str) -> tuple[int, int, int, str]:
    """(lines, those with bytes above ASCII, those of them that do not decode, a sample of what such lines say)."""
    file.seek(0)
    lines = high = bad = 0
    sample: list[str] = []
    sampled = 0
    while piece := file.readline(_CHUNK):
        decoder = codecs.getincrementaldecoder(encoding)()
        is_high = is_bad = False
        while True:  # a line longer than a chunk comes in pieces
            ended = piece.endswith(b"\n") or len(piece) < _CHUNK
            is_high = is_high or not piece.isascii()
            if not is_bad:
                try:
                    text = decoder.decode(piece, final=ended)
                    if is_high and sampled < _HEAD:
                        sample.append(text[:_HEAD])
                        sampled += len(sample[-1])
                except UnicodeDecodeError:
                    is_bad = True
            if ended:
                break
            piece = file.readline(_CHUNK)
        lines += 1
        high += is_high
        bad += is_bad
    return lines, high, bad, "".join(sample)


def _is_common(character: str) -> bool:
    """Everyday punctuation, full-width ASCII, or Han of level 1 of GB 2312 or of Big5."""
    for encoding, ranges in (("gb2312", ((0xA1, 0xA1), (0xA3, 0xA3), (0xB0, 0xD7))), ("big5", ((0xA4, 0xC6),))):
        try:
            lead = character.encode(encoding)[0]
        except UnicodeEncodeError:
            continue
        if any(first <= lead <= last for first, last in ranges):
            return True
    return False

"""Which encoding the bytes of a text file are in.

UTF-8 is the rule. UTF-16 and UTF-32 are told by their byte order mark. A file that is mostly not UTF-8 is read as
GB18030 if nearly all of it decodes and the result looks like Chinese that people write; almost any bytes decode as
GB18030, Korean and Japanese encodings among them, so decoding alone proves nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from typing import BinaryIO

Bytes = BinaryIO | BufferedIOBase
"""A file open for reading that can be read from the start again; one that is decompressed on the way, too."""

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
class Coding:
    """An encoding and how many bytes of mark the file begins with."""

    name: str
    mark: int = 0


def detect(file: Bytes) -> Coding | str:
    """The encoding of an open file, or the reason why it is rejected: `binary` or `encoding`. Reads it once or twice, from the
    start, and leaves it anywhere."""
    file.seek(0)
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


def codec(file: Bytes) -> str:
    """What Python's `open` is to be given as the encoding, to read an open file without its mark. UTF-8 where it is in no
    encoding that is known, so that whoever reads it is told which bytes do not fit."""
    coding = detect(file)
    if isinstance(coding, str) or coding.name == "utf-8":
        return "utf-8-sig"
    return coding.name.removesuffix("-le").removesuffix("-be")  # with the mark of the file itself


def looks_chinese(text: str) -> bool:
    """Whether what is not ASCII in `text` is everyday Chinese, simplified or traditional, by which characters it has."""
    high = [character for character in text if character > "\x7f"]
    common = [character for character in high if _is_common(character)]
    han = [character for character in common if character >= "\u4e00"]
    frequent = sum(character in _FREQUENT for character in han)
    return bool(han) and len(common) >= _COMMON_SHARE * len(high) and frequent >= _FREQUENT_SHARE * len(han)


def chunks(file: Bytes) -> Iterator[bytes]:
    """The rest of an open file, a piece at a time."""
    while chunk := file.read(_CHUNK):
        yield chunk


def _decodes(file: Bytes) -> bool:
    """Whether the whole file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        for chunk in chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _survey(file: Bytes, encoding: str) -> tuple[int, int, int, str]:
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
